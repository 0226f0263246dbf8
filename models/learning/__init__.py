"""Learning after scoring."""
