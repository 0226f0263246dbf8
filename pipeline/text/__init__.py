"""Text from outside as a person may read it."""
