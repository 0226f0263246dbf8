"""Made-up agents and logs."""
