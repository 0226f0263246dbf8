"""Models fitted on history: an isolation forest, and peer groups by behaviour."""
