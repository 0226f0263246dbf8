"""Formats of agent frameworks and of the tools that trace them."""
