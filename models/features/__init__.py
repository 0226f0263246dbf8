"""From an event to the categories and amounts that are judged."""
