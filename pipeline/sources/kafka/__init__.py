"""Kafka as a source, and its topics; only this folder and `publishing.kafka` use Kafka clients."""
