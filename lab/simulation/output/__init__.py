"""Output files of a simulation: streams, columns and tables."""
