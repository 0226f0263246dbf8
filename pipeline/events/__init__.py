"""What an event may be: its schema, its time, members nobody knows, and which are duplicates."""
