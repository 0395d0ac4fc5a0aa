"""A worker that reads Avro with the schemas of a real registry (Apicurio), and outages of the registry."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from deploy.local.stack import wait_until
from reprise.messages.body import confluent_schema_id
from tests.apicurio import apicurio
from tests.e2e.sandbox import InputMessage, Sandbox
from tests.e2e.worker_state import READY_SECONDS, http_get, scrape, wait_delivered, wait_ready
from tests.faults.proxy import Proxy
from tests.support import running_worker

TEXT = (
    "The swing bridge over the harbour will stay closed until spring, the council said on Monday. "
    "Engineers found cracks in two of its bearings during an inspection last week."
)


def serialize(client: SchemaRegistryClient, topic: str, version: int) -> bytes:
    """Return an article in Avro. Each version has a schema of its own."""
    fields = [{"name": "text", "type": "string"}, {"name": f"f{version}", "type": "int", "default": 0}]
    schema = json.dumps({"type": "record", "name": "Article", "fields": fields})
    serializer = AvroSerializer(client, schema)
    value: bytes = serializer({"text": f"{TEXT} {version}"}, SerializationContext(topic, MessageField.VALUE))
    return value


def test_a_worker_waits_for_the_registry_and_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """A new schema during an outage makes the worker unready, never a dead letter; known schemas need no registry."""
    topic = sandbox.topics.articles
    with apicurio(tmp_path) as url:
        client = SchemaRegistryClient({"url": url})
        known, new = serialize(client, topic, 1), serialize(client, topic, 2)
        assert confluent_schema_id(known) != confluent_schema_id(new)
        proxy = Proxy(target=urlsplit(url).port or 0)
        proxy.start()
        settings = sandbox.settings(
            SCHEMA_REGISTRY_URL=f"http://127.0.0.1:{proxy.port}{urlsplit(url).path}",
            SCHEMA_REGISTRY_TIMEOUT_SECONDS="1",
            KAFKA_MAX_POLL_INTERVAL_SECONDS="10",
            KAFKA_SESSION_TIMEOUT_SECONDS="6",
            LIVENESS_TIMEOUT_SECONDS="60",
            FLUSH_TIMEOUT_SECONDS="3",
            REDIS_TIMEOUT_SECONDS="0.5",
        )
        with running_worker(settings, tmp_path / "worker.log") as worker:
            wait_ready(worker)
            assert scrape(worker).values("reprise_dependency_up", "dependency")["schema_registry"] == 1
            sandbox.produce([InputMessage(key=b"1", value=known)])
            wait_delivered(sandbox, worker)

            proxy.close()
            sandbox.produce([InputMessage(key=b"2", value=known)])
            wait_delivered(sandbox, worker)
            sandbox.produce([InputMessage(key=b"3", value=new)])
            wait_until(lambda: http_get(worker, "/readyz").status == 503, READY_SECONDS, "an unready worker")
            assert http_get(worker, "/readyz").body == "schema_registry does not answer\n"
            assert http_get(worker, "/livez").status == 200
            assert len(sandbox.events()) == 2

            again = Proxy(target=proxy.target, port=proxy.port)
            again.start()
            wait_ready(worker)
            wait_delivered(sandbox, worker)
            assert scrape(worker).total("reprise_dependency_up") == 3
            log = worker.tail()
            again.close()
        first, again_first, other = (event.body for event in sandbox.events())
        assert first["event_id"] == again_first["event_id"]
        assert other["type"] == "story.variant"
        assert sandbox.dead_letters() == []
        assert "does not answer" in log


def test_without_a_registry_the_dead_letter_names_the_setting(sandbox: Sandbox, tmp_path: Path) -> None:
    """A worker of JSON messages rejects Avro, and says where to find the schema."""
    with running_worker(sandbox.settings(), tmp_path / "worker.log") as worker:
        wait_ready(worker)
        sandbox.produce([InputMessage(key=b"1", value=b"\x00\x00\x00\x00\x07\x02a")])
        wait_delivered(sandbox, worker)
        assert "schema_registry" not in scrape(worker).values("reprise_dependency_up", "dependency")
    (letter,) = sandbox.dead_letters()
    detail = dict(letter.headers)["reprise-dead-detail"].decode()
    assert detail.endswith("set REPRISE_SCHEMA_REGISTRY_URL to the address of the registry that has the schema")
