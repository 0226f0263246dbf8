"""Detectors: built-in ones by feature, amount and rule, and registered ones."""
