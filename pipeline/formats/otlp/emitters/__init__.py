"""Log records and spans of coding agents, each in the words of its emitter."""
