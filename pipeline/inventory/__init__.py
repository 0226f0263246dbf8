"""The operator's inventory: entries, imports, and how much of the fleet it covers."""
