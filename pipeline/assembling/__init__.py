"""Assembling: from the parts of many records to events."""
