"""Kafka behind the ports: the only package that imports its client."""
