"""Formats of coding agents."""
