"""Values that the serializers of Confluent's client wrote, read with the schemas of a real registry (Apicurio)."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from reprise.bootstrap import article_processor, open_schema_registry
from reprise.errors import BadMessage
from reprise.model import Article, DeadLetterReason, Message
from reprise.settings import load

TEXT = "The swing bridge over the harbour will stay closed until spring, the council said on Monday."
URL = "https://paper.example/bridge"
ENVIRONMENT = {"REPRISE_INPUT_FIELDS": ""}

AVRO = {
    "type": "record",
    "name": "Article",
    "namespace": "example",
    "fields": [
        {"name": "url", "type": ["null", "string"], "default": None},
        {"name": "text", "type": "string"},
        {"name": "crawled_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "raw", "type": "bytes"},
    ],
}

PROTO = """syntax = "proto3";
package example;
import "google/protobuf/timestamp.proto";
message Unused { int32 n = 1; }
message Crawl {
  message Article {
    string text = 1;
    string url = 2;
    google.protobuf.Timestamp crawled_at = 3;
    int64 published_at = 4;
  }
}
"""


@pytest.fixture
def client(registry_url: str) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": registry_url})


@pytest.fixture
def topic() -> str:
    return f"t{uuid4().hex[:10]}"


def context(topic: str) -> SerializationContext:
    return SerializationContext(topic, MessageField.VALUE)


def decode(url: str, value: bytes, **settings: str) -> Article:
    configured = load({"REPRISE_SCHEMA_REGISTRY_URL": url} | settings)
    processor = article_processor(configured, schemas=open_schema_registry(configured))
    return processor.decode(Message(topic="in", partition=0, offset=0, key=None, value=value))


def test_avro(registry_url: str, client: SchemaRegistryClient, topic: str) -> None:
    """Times become RFC 3339; values that JSON does not have are no reason to reject the article."""
    article = {
        "url": URL,
        "text": TEXT,
        "crawled_at": datetime(2025, 3, 11, 8, tzinfo=UTC),
        "price": Decimal("1.50"),
        "raw": b"\xff\x00",
    }
    value = AvroSerializer(client, json.dumps(AVRO))(article, context(topic))
    decoded = decode(registry_url, value)
    assert (decoded.text, decoded.url, decoded.crawled_at_ms) == (TEXT, URL, 1_741_680_000_000)


def test_avro_with_a_reference(registry_url: str, client: SchemaRegistryClient, topic: str) -> None:
    """The type of the article is a schema of its own; a mapping finds its fields in the record around it."""
    client.register_schema(f"{topic}-article", Schema(json.dumps(AVRO), "AVRO"))
    envelope = {
        "type": "record",
        "name": "Envelope",
        "namespace": "example",
        "fields": [{"name": "op", "type": "string"}, {"name": "after", "type": ["null", "example.Article"]}],
    }
    reference = SchemaReference("example.Article", f"{topic}-article", 1)
    serializer = AvroSerializer(client, Schema(json.dumps(envelope), "AVRO", [reference]))
    article = {"url": URL, "text": TEXT, "crawled_at": datetime.now(UTC), "price": Decimal(1), "raw": b""}
    value = serializer({"op": "c", "after": article}, context(topic))
    assert decode(registry_url, value, REPRISE_INPUT_FORMAT="debezium").url == URL


def message_class(tmp_path: Path) -> Any:
    """Return the class of the nested message, as a producer's generated module has it."""
    (tmp_path / "article.proto").write_text(PROTO)
    output = tmp_path / "set"
    includes = [f"-I{tmp_path}", f"-I{files('grpc_tools') / '_proto'}", "--include_imports"]
    assert protoc.main(["protoc", *includes, f"--descriptor_set_out={output}", "article.proto"]) == 0
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("example.Crawl.Article"))


@pytest.mark.parametrize("registered_as", ["text", "descriptor"])
def test_protobuf(
    registered_as: str, registry_url: str, client: SchemaRegistryClient, topic: str, tmp_path: Path
) -> None:
    """The message may be nested in another one, and the registry may have the file as text or as a descriptor."""
    article = message_class(tmp_path)(text=TEXT, url=URL, published_at=1_741_680_000)
    article.crawled_at.FromDatetime(datetime(2025, 3, 11, 8, tzinfo=UTC))
    if registered_as == "descriptor":
        value = ProtobufSerializer(type(article), client, {"use.deprecated.format": False})(article, context(topic))
    else:
        schema_id = client.register_schema(f"{topic}-value", Schema(PROTO, "PROTOBUF"))
        # The message type is the first one in the second one of the file: the indexes 1 and 0.
        value = b"\0" + schema_id.to_bytes(4, "big") + b"\x04\x02\x00" + article.SerializeToString()
    decoded = decode(registry_url, value)
    assert (decoded.text, decoded.url, decoded.crawled_at_ms) == (TEXT, URL, 1_741_680_000_000)


def test_json_schema(registry_url: str, client: SchemaRegistryClient, topic: str) -> None:
    """Such a value is read without a registry, too."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Article",
        "type": "object",
        "properties": {"text": {"type": "string"}},
    }
    value = JSONSerializer(json.dumps(schema), client)({"text": TEXT}, context(topic))
    assert value[0] == 0
    assert decode(registry_url, value).text == TEXT
    processor = article_processor(load({}))
    assert processor.decode(Message(topic="in", partition=0, offset=0, key=None, value=value)).text == TEXT


def test_values_that_do_not_match_their_schema(registry_url: str, client: SchemaRegistryClient, topic: str) -> None:
    """They become dead letters that name the schema, without the text of the article."""
    value: bytes = AvroSerializer(client, '{"type":"record","name":"A","fields":[{"name":"text","type":"string"}]}')(
        {"text": TEXT}, context(topic)
    )
    for wrong in (value[:-20], value + b"more", value[:5] + b"\xff" * 12):
        with pytest.raises(BadMessage, match=r"does not match schema \d+") as caught:
            decode(registry_url, wrong)
        assert caught.value.reason is DeadLetterReason.SCHEMA_MISMATCH
        assert "bridge" not in str(caught.value)
    with pytest.raises(BadMessage, match="has no schema 999999") as caught:
        decode(registry_url, b"\0" + (999_999).to_bytes(4, "big") + value[5:])
    assert caught.value.reason is DeadLetterReason.SCHEMA_MISMATCH
