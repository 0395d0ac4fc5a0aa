"""SchemaRegistry: each schema is loaded once, and an unknown one is asked for again later."""

import json
from collections.abc import Sequence

import fastavro
import pytest

from reprise.errors import BadMessage, Unreachable
from reprise.messages.body import parse_body
from reprise.model import CorruptRecord, DeadLetterReason, Message
from reprise.schema_registry.client import FetchedSchema, UnknownSchema
from reprise.schema_registry.protobuf import read_indexes
from reprise.schema_registry.registry import SchemaRegistry
from tests.fake_clock import FakeClock

AVRO = json.dumps({"type": "record", "name": "A", "fields": [{"name": "text", "type": "string"}]})


class FakeClient:
    """A registry with Avro schemas of the given ids."""

    def __init__(self, known: Sequence[int]) -> None:
        self.known = set(known)
        self.is_away = False
        self.requests: list[int] = []

    def fetch(self, schema_id: int) -> FetchedSchema:
        self.requests.append(schema_id)
        if self.is_away:
            raise Unreachable("no answer")
        if schema_id not in self.known:
            raise UnknownSchema(f"the registry has no schema {schema_id}")
        return FetchedSchema(schema_id=schema_id, kind="AVRO", text=AVRO, references=())


@pytest.fixture
def client() -> FakeClient:
    return FakeClient([1, 2])


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def registry(client: FakeClient, clock: FakeClock) -> SchemaRegistry:
    return SchemaRegistry(client, clock)  # type: ignore[arg-type]  # the two methods that it calls


def message(schema_id: int | None, payload: bytes = b"\x02a") -> Message:
    value = b"{}" if schema_id is None else b"\0" + schema_id.to_bytes(4, "big") + payload
    return Message(topic="in", partition=0, offset=0, key=None, value=value)


def test_only_schemas_that_are_not_loaded_are_missing(registry: SchemaRegistry, client: FakeClient) -> None:
    """Other values, tombstones and corrupt records need none."""
    others: list[Message | CorruptRecord] = [
        message(None),
        Message(topic="in", partition=0, offset=1, key=b"k", value=None),
        CorruptRecord(topic="in", partition=0, offset=2, detail="damaged"),
    ]
    assert registry.missing([message(1), message(2), message(1), *others]) == {1, 2}
    registry.load([1])
    assert registry.missing([message(1), message(2)]) == {2}
    assert client.requests == [1]


def test_an_outage_loads_nothing_and_can_be_repeated(registry: SchemaRegistry, client: FakeClient) -> None:
    """The schema is still missing after it, so that the pipeline asks again."""
    client.is_away = True
    with pytest.raises(Unreachable):
        registry.load([1])
    assert registry.missing([message(1)]) == {1}
    client.is_away = False
    registry.load([1])
    assert registry.missing([message(1)]) == set()


def test_an_unknown_schema_rejects_its_messages_and_is_asked_for_again(
    registry: SchemaRegistry, client: FakeClient, clock: FakeClock
) -> None:
    """After a minute, so that a schema that was registered too late is found without a restart."""
    registry.load([3])
    assert registry.missing([message(3)]) == set()
    with pytest.raises(BadMessage, match="has no schema 3") as caught:
        registry.read_value(3, b"\x02a")
    assert caught.value.reason is DeadLetterReason.SCHEMA_MISMATCH
    client.known.add(3)
    clock.now = 61.0
    assert registry.missing([message(3)]) == {3}
    registry.load([3])
    assert registry.read_value(3, b"\x02a") == {"text": "a"}
    clock.now = 1000.0
    assert registry.missing([message(3)]) == set()


def test_a_value_is_an_object_within_the_limits(registry: SchemaRegistry) -> None:
    """The limit of a message applies to the value in its own format."""
    value = message(1).value or b""
    assert parse_body(value, 100, registry.read_value) == {"text": "a"}
    with pytest.raises(BadMessage, match="message_too_large"):
        parse_body(value, 3, registry.read_value)


def test_an_unusable_schema_rejects_its_messages(registry: SchemaRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its errors name the schema."""
    monkeypatch.setattr(fastavro, "parse_schema", lambda *_, **__: 1 / 0)
    registry.load([1])
    with pytest.raises(BadMessage, match="schema 1 cannot be used"):
        registry.read_value(1, b"\x02a")


@pytest.mark.parametrize(
    ("payload", "indexes", "position"),
    [(b"\x00rest", [0], 1), (b"\x02\x02rest", [1], 2), (b"\x04\x02\x00", [1, 0], 3), (b"\x02\xac\x02", [150], 3)],
)
def test_message_indexes_of_protobuf(payload: bytes, indexes: list[int], position: int) -> None:
    """Zigzag varints: their number, then each; zero stands for the first type."""
    assert read_indexes(payload) == (indexes, position)


@pytest.mark.parametrize("payload", [b"", b"\x02", b"\xff", b"\xff\xff\xff\xff\xff\xff", b"\x01", b"\x02\x01"])
def test_damaged_message_indexes(payload: bytes) -> None:
    """A number without an end, a negative one, and none."""
    with pytest.raises(ValueError, match="index"):
        read_indexes(payload)
