"""A decision before each call, asked of an AuthZEN decision point."""
