"""JSON Schemas of the published events; read them with reprise.messages.events.schema."""
