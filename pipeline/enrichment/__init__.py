"""Data added to an event: its network, the registered agent, the operation of its tool."""
