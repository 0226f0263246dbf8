"""Servers of trust look-ups, and how their results are kept."""
