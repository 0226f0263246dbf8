"""Benchmarks of the README's goals for speed and memory; see README.md in this folder."""
