"""A pass-through for the Model Context Protocol: bytes pass as they are, and are recorded."""
