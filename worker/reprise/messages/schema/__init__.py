"""JSON Schemas of the input message and of the published events; reprise.messages.events.schema reads the latter."""
