"""Expected behaviour of one agent in one mode, and its stored profile."""
