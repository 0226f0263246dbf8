"""What the shards of one stream tell each other."""
