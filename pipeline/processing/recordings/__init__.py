"""Judge recordings offline: replay them, or learn a history, with the worker of production."""
