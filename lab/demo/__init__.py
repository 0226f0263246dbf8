"""`habitus demo`: judge the bundled sample like production, and report the results."""
