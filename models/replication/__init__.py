"""Exchange of shared state between the shards of one stream."""
