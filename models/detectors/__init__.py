"""Detectors that add reasons to judged events, and change no score."""
