"""The clients of Kafka: what a source and a sink want of one, and each that there is."""
