"""The first minute: what the coding agents of this machine have done, out of their own records."""
