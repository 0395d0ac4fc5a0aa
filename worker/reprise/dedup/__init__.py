"""Deduplication rules: from texts to fingerprints, and from fingerprints to decisions. It is pure."""
