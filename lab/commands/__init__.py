"""The commands of the lab: simulate, evaluate, demo. The command line loads them by name."""
