"""Schemas of what people decide about agents."""
