"""Routes with which people decide about agents."""
