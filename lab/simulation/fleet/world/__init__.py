"""Who and what there is in a simulated fleet: roles, words, credentials, and all draws."""
