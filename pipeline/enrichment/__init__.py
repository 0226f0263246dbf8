"""What is known of an event beside the event: its network, its agent, what its tool does."""
