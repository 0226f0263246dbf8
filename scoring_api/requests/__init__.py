"""Processing of all requests: guards, bodies, batches of events, client addresses."""
