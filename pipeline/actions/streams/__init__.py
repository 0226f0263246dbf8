"""Where the output of commands goes: pipes, substitutions, and texts that are known."""
