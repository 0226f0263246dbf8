"""The commands of `habitus`, one file per group: each parses, calls one function, and prints."""
