"""What the sessions of a role looked like, and what is learned from them."""
