"""The path of an event: sources, formats, worker, loop, store and commands."""
