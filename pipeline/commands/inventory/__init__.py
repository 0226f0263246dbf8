"""``habitus inventory``: the registered agents."""
