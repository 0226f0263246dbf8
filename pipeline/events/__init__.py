"""Checks of an event: its schema, its time, its unknown members, and duplicates."""
