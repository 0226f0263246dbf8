"""Pages of the terminal: anomaly, explanation, and shared parts."""
