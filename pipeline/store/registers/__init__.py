"""Append-only logs of what people decide."""
