"""Pages of the terminal: one anomaly, one explanation, and what they share."""
