"""Measure what the README promises about speed and memory; see README.md beside this file."""
