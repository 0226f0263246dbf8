"""What recording adds to a call of a tool."""
