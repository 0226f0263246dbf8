"""Credentials of a session: those that it has read, hidden wherever they stand."""
