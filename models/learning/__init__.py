"""Learning: what events, finished sessions and snapshots of all agents teach."""
