"""A simulation as files: streams, columns and tables."""
