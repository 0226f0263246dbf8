"""How long the answer to a hook takes."""
