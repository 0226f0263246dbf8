"""Synthetic agents and logs."""
