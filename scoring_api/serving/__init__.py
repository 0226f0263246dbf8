"""The HTTP server: connections, limits, TLS and client certificates."""
