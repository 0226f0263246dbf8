"""Behaviour of peers: counts, score windows and volume baselines, by group and fleet."""
