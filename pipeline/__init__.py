"""The path of an event: sources, formats, the worker and its loop, the store, the commands."""
