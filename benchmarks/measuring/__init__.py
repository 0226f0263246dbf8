"""Measure one process, and print or save the findings."""
