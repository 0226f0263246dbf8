"""Credentials of API callers, and the agents that each caller may report."""
