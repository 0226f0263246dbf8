"""Who has stopped reporting: when each agent was last seen, and how long it is usually silent."""
