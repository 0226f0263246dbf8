"""What a call does, as data: its operation, resource, files and destinations."""
