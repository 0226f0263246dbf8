"""`habitus demo`: the bundled sample through the real path, and its story."""
