"""Fingerprints of texts, and the rule that decides on them. Pure: no client, clock or environment."""
