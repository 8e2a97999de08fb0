"""Pixels to unit vectors. Knows no Kafka, no Redis and no users."""
