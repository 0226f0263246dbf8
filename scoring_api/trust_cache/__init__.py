"""Trust answers in memory: cache, renewal and fast path."""
