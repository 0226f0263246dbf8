"""What is remembered of one agent: its profile, its open sessions, its identity."""
