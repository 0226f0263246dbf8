"""World of a simulated fleet: roles, words, credentials, and random draws."""
