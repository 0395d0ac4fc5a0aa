"""The adapters over Kafka: the only package that imports Kafka's client."""
