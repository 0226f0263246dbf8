"""Schemas of the API for OpenAPI; versioned separately from the types of `models`.

msgspec encodes answers from the types of `models`. These schemas document them, and a test compares
both. Only request bodies are validated here.
"""
