"""What passes as records, and where they go."""
