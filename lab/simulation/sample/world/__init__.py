"""Who and what there is in the sample: people, roles, tools, hours and values."""
