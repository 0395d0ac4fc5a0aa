"""A Kafka that dies, freezes, drops its connections, lacks a topic, or refuses a record, a client or a batch."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from deploy.local.stack import wait_until
from tests.faults.corruption import Damage, damage
from tests.faults.load import Sent, traced
from tests.faults.proxy import Proxy
from tests.faults.scenario import OpenScene, Scene
from tests.faults.servers import Broker, RedisServer
from tests.faults.workers import READY_SECONDS, wait_ready, wait_unready

#: What /readyz says while Kafka is away.
AWAY = "kafka does not answer"

#: Articles between two faults, at most.
BETWEEN = 100

#: Seconds within which a worker must go on after its connections are whole again, as in test_redis.py.
RESUME_SECONDS = 10.0

#: Bytes of requests between two cuts, at most: some fetches, batches of events and commits.
BETWEEN_CUTS = 60_000

#: Bytes that a topic takes at once, above what the worker sends together, which packs well, and below the event that
#: is too large: four fields of as many characters as an article may have, of four bytes each.
TOPIC_BYTES = 100_000
BROKEN_BYTES = 300_000
FIELD_CHARACTERS = 8_192

#: Characters of four bytes: rare ideographs, which no codec packs when they stand at random.
RARE = (0x20000, 0x2A6D0)


@pytest.mark.transactional
def test_kafka_is_killed(scene: OpenScene, broker: Broker, redis_server: RedisServer, long_form: bool) -> None:
    """SIGKILL of the only broker, coordinators and all, and a restart on what it kept."""
    with scene(kafka=broker.address, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()
        for _ in range(10 if long_form else 1):
            at.advance(at.dice.randint(1, BETWEEN))
            broker.kill()
            wait_unready(at.crew.members[0], AWAY)
            broker.start()
            at.recovered()
            at.glance()
            wait_ready(at.crew.members[0])
        at.finish()


@pytest.mark.transactional
def test_kafka_stalls(scene: OpenScene, broker: Broker, redis_server: RedisServer, long_form: bool) -> None:
    """Neither an answer nor a refusal, for longer than a batch may take: coordinators too are out of reach."""
    with scene(kafka=broker.address, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()
        for _ in range(10 if long_form else 1):
            at.advance(at.dice.randint(1, BETWEEN))
            broker.hold()
            try:
                wait_unready(at.crew.members[0], AWAY)
            finally:
                broker.let_go()
            at.recovered()
            at.glance()
        at.finish()


@pytest.mark.transactional
def test_connections_are_cut(
    scene: OpenScene, broker: Broker, broker_proxy: Proxy, redis_server: RedisServer, long_form: bool
) -> None:
    """In the middle of a request, at whatever byte: a fetch, a batch of events, a commit, a heartbeat."""
    through = f"127.0.0.1:{broker_proxy.port}"
    with scene(kafka=broker.address, worker_kafka=through, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()
        cuts = broker_proxy.cuts
        for number in range(1, (100 if long_form else 10) + 1):
            broker_proxy.cut_after(at.dice.randint(1, BETWEEN_CUTS))
            wait_until(lambda number=number: broker_proxy.cuts >= cuts + number, READY_SECONDS, "a cut")  # type: ignore[misc]
            at.recovered()
        at.finish()


def test_connections_are_slow(
    scene: OpenScene, broker: Broker, broker_proxy: Proxy, redis_server: RedisServer, long_form: bool
) -> None:
    """Every piece of every request and answer comes late, but before a session ends."""
    through = f"127.0.0.1:{broker_proxy.port}"
    with scene(kafka=broker.address, worker_kafka=through, redis_url=redis_server.url) as at, slowly(broker_proxy):
        at.create_topics()
        at.begin()
        at.advance(2_000 if long_form else 100)
        broker_proxy.delay_seconds = 0.0
        at.recovered(RESUME_SECONDS)
        at.finish()


@contextmanager
def slowly(proxy: Proxy) -> Iterator[None]:
    proxy.delay_seconds = 0.1
    try:
        yield
    finally:
        proxy.delay_seconds = 0.0


def test_a_topic_is_missing_and_then_created(scene: OpenScene, kafka: str, redis_server: RedisServer) -> None:
    """The worker waits without reading anything; once the topic is there, it delivers all that has piled up."""
    with scene(kafka=kafka, redis_url=redis_server.url) as at:
        at.create_topics("articles", "new", "dead")
        at.load.start()
        worker = at.crew.start()
        wait_until(lambda: "waiting" in worker.output(), READY_SECONDS, "the wait for the topics")
        assert at.topics.variants in worker.output()
        wait_unready(worker, AWAY)
        assert not at.tape.committed()
        at.create_topics("variants")
        at.recovered()
        wait_ready(worker)
        at.finish()


@pytest.mark.transactional
def test_records_are_too_large(scene: OpenScene, kafka: str, redis_server: RedisServer) -> None:
    """The broker refuses an event and a dead letter whenever they come: a dead letter and a notice take their place."""
    with scene(kafka=kafka, redis_url=redis_server.url) as at:
        limit = {"max.message.bytes": str(TOPIC_BYTES)}
        at.create_topics(new=limit, variants=limit, dead=limit)
        at.begin()
        for number in range(3):
            at.load.send_now(_titled(at, number), partition=number)
            broken = at.dice.randbytes(BROKEN_BYTES)
            at.load.send_now(traced(b"broken", broken, at.dice), partition=number)
        at.recovered()
        at.finish()
        dead = at.tape.read().dead
    # what was too large for its own topic is too large for the dead letters too
    notices = [record for record in dead if record.header("reprise-dead-form") == b"notice"]
    reasons = {record.header("reprise-dead-reason") for record in notices}
    assert b"event_too_large" in reasons, reasons
    assert len(reasons) == 2, reasons


def _titled(at: Scene, number: int) -> Sent:
    names = ("title", "url", "source", "published_at")
    fields = {name: "".join(chr(at.dice.randrange(*RARE)) for _ in range(FIELD_CHARACTERS)) for name in names}
    text = f"The story number {number} has a title that goes on and on, and it is told in one sentence only, this one."
    value = json.dumps({"id": f"titled-{number}", "text": text, **fields}).encode()
    return traced(b"titled", value, at.dice)


def test_a_topic_becomes_forbidden(scene: OpenScene, broker: Broker, redis_server: RedisServer) -> None:
    """Losing the right to write variants ends the worker with exit code 1, and the next before it reads anything."""
    secured = next(f"127.0.0.1:{listener.port}" for listener in broker.listeners if listener.name == "SECURED")
    settings = {
        "REPRISE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "REPRISE_KAFKA_SASL_MECHANISM": "PLAIN",
        "REPRISE_KAFKA_SASL_USERNAME": "worker",
        "REPRISE_KAFKA_SASL_PASSWORD": "worker",
    }
    with scene(kafka=broker.address, worker_kafka=secured, redis_url=redis_server.url, settings=settings) as at:
        at.create_topics()
        topics = at.topics
        rights = [_right(ResourceType.GROUP, topics.group_id, ACLOperation.READ)]
        rights.append(_right(ResourceType.TOPIC, topics.articles, ACLOperation.READ))
        rights += [_right(ResourceType.TOPIC, topic, ACLOperation.WRITE) for topic in (topics.new, topics.dead)]
        lost = _right(ResourceType.TOPIC, topics.variants, ACLOperation.WRITE)
        with closing(KafkaAdminClient(bootstrap_servers=broker.address)) as admin:
            admin.create_acls([*rights, lost])
            at.begin()
            admin.delete_acls([lost])
            first = at.crew.members[0]
            assert at.crew.ended(first) == 1
            assert "TopicAuthorizationFailed" in first.output().splitlines()[-1]
            at.glance()
            second = at.crew.start()
            assert at.crew.ended(second) == 1
            assert f"lacks WRITE on topic {topics.variants}" in second.output().splitlines()[-1]
            admin.create_acls([lost])
        at.crew.start()
        at.recovered()
        at.finish()


def _right(kind: ResourceType, name: str, operation: ACLOperation) -> ACL:
    return ACL("User:worker", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))


@pytest.mark.parametrize("what", list(Damage))
def test_a_batch_cannot_be_decoded(scene: OpenScene, broker: Broker, redis_server: RedisServer, what: Damage) -> None:
    """Damaged on the broker's disk: each of its positions is a dead letter, and its neighbours are delivered."""
    with scene(kafka=broker.address, redis_url=redis_server.url) as at:
        at.create_topics()
        offsets = [at.load.send_now(_titled(at, number)) for number in range(5)]
        broker.stop()
        for offset in offsets[1:4:2]:
            found = damage(broker.segment(at.topics.articles, 0), offset, what)
            at.tape.damaged |= {(0, each) for each in found}
        broker.start()
        at.begin()
        at.recovered()
        at.finish()
        dead = at.tape.read().dead
    reasons = [record.header("reprise-dead-reason") for record in dead]
    assert reasons.count(b"record_unreadable") == len(at.tape.damaged) == 2, reasons
