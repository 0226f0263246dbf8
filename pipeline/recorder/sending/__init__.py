"""The thread that records: items of the agent become events, and are delivered."""
