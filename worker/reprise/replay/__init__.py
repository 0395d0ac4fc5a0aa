"""Adapters of `reprise replay`: articles from files, events to a file, and an embedded Valkey server for the index."""
