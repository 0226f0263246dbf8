"""Past sessions of a role, and learning from them."""
