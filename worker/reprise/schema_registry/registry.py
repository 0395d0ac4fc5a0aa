"""The schemas that this worker has loaded, and the values that it reads with them."""

import time
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from typing import Any, Final

from reprise.errors import BadMessage
from reprise.messages.body import confluent_schema_id, load_json_object
from reprise.messages.plain_json import encode_plain
from reprise.model import CorruptRecord, DeadLetterReason, Message
from reprise.sanitize import one_line
from reprise.schema_registry.avro import avro_reader
from reprise.schema_registry.client import FetchedSchema, SchemaRegistryClient, UnknownSchema
from reprise.schema_registry.protobuf import protobuf_reader

#: Schemas that are kept. A topic has a handful of versions.
_MAX_SCHEMAS: Final = 1_000

#: Seconds after which a schema that the registry did not have is asked for again.
_UNKNOWN_SECONDS: Final = 60.0

#: Characters of a library's message in a dead letter.
_MAX_PROBLEM_CHARACTERS: Final = 200

#: A function that reads the value after the header, or the reason for which no value of the schema can be read.
_Reader = Callable[[bytes], Any] | BadMessage


class SchemaRegistry:
    """The ValueSchemas over a Schema Registry. A schema of an id never changes, so each is fetched once."""

    def __init__(self, client: SchemaRegistryClient, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._monotonic = monotonic
        self._readers: dict[int, _Reader] = {}
        #: when each unknown schema may be asked for again
        self._retry_at: dict[int, float] = {}

    def missing(self, messages: Iterable[Message | CorruptRecord]) -> AbstractSet[int]:
        """See ValueSchemas."""
        found = {
            schema_id
            for message in messages
            if isinstance(message, Message) and message.value is not None
            if (schema_id := confluent_schema_id(message.value)) is not None
        }
        now = self._monotonic()
        return {
            schema_id
            for schema_id in found
            if schema_id not in self._readers or self._retry_at.get(schema_id, now + 1) <= now
        }

    def load(self, schema_ids: Iterable[int]) -> None:
        """See ValueSchemas."""
        for schema_id in sorted(schema_ids):
            reader = self._fetch_reader(schema_id)
            self._retry_at.pop(schema_id, None)
            while len(self._readers) >= _MAX_SCHEMAS:
                oldest = next(iter(self._readers))
                del self._readers[oldest]
                self._retry_at.pop(oldest, None)
            self._readers[schema_id] = reader
            if isinstance(reader, BadMessage):
                self._retry_at[schema_id] = self._monotonic() + _UNKNOWN_SECONDS

    def check(self) -> None:
        """Raise Unreachable unless the registry answers and accepts the login."""
        self._client.check()

    def read_value(self, schema_id: int, payload: bytes) -> dict[str, Any]:
        """Return the object of a value, from the bytes after its header; values have the types of JSON.

        Raises BadMessage, and Unreachable if the schema is neither loaded nor can be.
        """
        if schema_id not in self._readers:
            self.load([schema_id])
        reader = self._readers[schema_id]
        if isinstance(reader, BadMessage):
            raise BadMessage(reader.reason, reader.detail)
        try:
            value = reader(payload)
            return load_json_object(encode_plain(value))
        except BadMessage:
            raise
        except Exception as error:  # each of the three libraries has its own errors, and their texts quote the value
            problem = f"the value does not match schema {schema_id}: {type(error).__name__}"
            raise BadMessage(DeadLetterReason.SCHEMA_MISMATCH, problem) from None

    def _fetch_reader(self, schema_id: int) -> _Reader:
        try:
            schema = self._client.fetch(schema_id)
        except UnknownSchema as error:
            return BadMessage(DeadLetterReason.SCHEMA_MISMATCH, str(error))
        try:
            return _make_reader(schema)
        except Exception as error:  # each library has its own errors of a schema
            problem = f"schema {schema_id} cannot be used: {one_line(str(error), _MAX_PROBLEM_CHARACTERS)}"
            return BadMessage(DeadLetterReason.SCHEMA_MISMATCH, problem)


def _make_reader(schema: FetchedSchema) -> Callable[[bytes], Any]:
    match schema.kind:
        case "AVRO":
            return avro_reader(schema)
        case "PROTOBUF":
            return protobuf_reader(schema)
        case "JSON":
            return load_json_object
        case _:
            raise ValueError(f"its type {schema.kind} is none of AVRO, PROTOBUF, JSON")
