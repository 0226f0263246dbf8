"""Kafka clients: the interfaces that source and sink need, and one adapter per client."""
