"""What one agent typically does in one mode, and everything that is remembered of it."""
