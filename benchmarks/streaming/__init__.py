"""Streams of events, and the programs that are measured on them."""
