"""Read values of Avro."""

import io
import json
from collections.abc import Callable
from typing import Any

from reprise.schema_registry.client import FetchedSchema


def avro_reader(schema: FetchedSchema) -> Callable[[bytes], Any]:
    """Return a function that reads a value of the schema. It raises the errors of fastavro, or ValueError."""
    import fastavro  # noqa: PLC0415  # of the extra `registry`

    named: dict[str, Any] = {}
    for reference in schema.references:
        fastavro.parse_schema(json.loads(reference.text), named_schemas=named)
    parsed = fastavro.parse_schema(json.loads(schema.text), named_schemas=named)

    def read(payload: bytes) -> Any:
        stream = io.BytesIO(payload)
        value = fastavro.schemaless_reader(stream, parsed, None)
        if stream.tell() != len(payload):
            raise ValueError("bytes follow the value")
        return value

    return read
