"""The HTTP server: connections, limits on each of them, TLS and client certificates."""
