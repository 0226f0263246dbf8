"""What enters the baseline after an event was scored."""
