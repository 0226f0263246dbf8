"""Who may call the API, and which agents a caller may report."""
