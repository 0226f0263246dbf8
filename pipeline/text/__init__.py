"""Safe display of text from outside."""
