"""Input messages, events and dead letters: decode what arrives, build what is published."""
