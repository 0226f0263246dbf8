"""Kafka as a source, and the topics there; this folder and `publishing.kafka` know its clients."""
