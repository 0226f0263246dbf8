"""World of the sample: people, roles, tools, hours and values."""
