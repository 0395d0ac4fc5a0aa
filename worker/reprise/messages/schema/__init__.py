"""The JSON Schemas of what the worker publishes; data only, read by reprise.messages.events.schema."""
