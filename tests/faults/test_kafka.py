"""Faults of Kafka under load: kills, stalls, cut connections, missing topics, rejected records, lost rights."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from deploy.local.stack import wait_until
from tests.faults.batch_corruption import BatchCorruption, corrupt_batch
from tests.faults.breakable_servers import BreakableBroker, BreakableRedis
from tests.faults.load import LoadMessage, with_trace
from tests.faults.proxy import Proxy
from tests.faults.scenario import Scenario, ScenarioOpener
from tests.faults.worker_pool import READY_SECONDS, wait_ready, wait_unready

#: Reason in the response of /readyz while Kafka is away.
AWAY = "kafka does not answer"

#: Maximum number of articles between two faults.
MAX_BETWEEN = 100

#: Maximum seconds until commits continue after the connections are normal again, as in test_redis.py.
RESUME_SECONDS = 10.0

#: Maximum bytes of requests between two cuts: a few fetches, batches of events and commits.
MAX_BYTES_BETWEEN_CUTS = 60_000

#: Maximum bytes of a record batch in a topic. The worker's usual batches compress well and are smaller; an event with
#: four fields of the maximum length, in characters of four bytes, is larger.
TOPIC_BYTES = 100_000
MALFORMED_BYTES = 300_000
FIELD_CHARACTERS = 8_192

#: Range of rare ideographs: characters of four bytes. No codec compresses a random sequence of them.
RARE = (0x20000, 0x2A6D0)


@pytest.mark.transactional
def test_kafka_is_killed(
    scenario: ScenarioOpener, broker: BreakableBroker, redis_server: BreakableRedis, is_long: bool
) -> None:
    """SIGKILL of the only broker, with its coordinators, and a restart with its data."""
    with scenario(kafka=broker.address, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()
        for _ in range(10 if is_long else 1):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            broker.kill()
            wait_unready(run.pool.workers[0], AWAY)
            broker.start()
            run.wait_recovered()
            run.check_commits()
            wait_ready(run.pool.workers[0])
        run.finish()


@pytest.mark.transactional
def test_kafka_stalls(
    scenario: ScenarioOpener, broker: BreakableBroker, redis_server: BreakableRedis, is_long: bool
) -> None:
    """The broker neither responds nor refuses connections for longer than the timeouts of a batch."""
    with scenario(kafka=broker.address, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()
        for _ in range(10 if is_long else 1):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            broker.freeze()
            try:
                wait_unready(run.pool.workers[0], AWAY)
            finally:
                broker.resume()
            run.wait_recovered()
            run.check_commits()
        run.finish()


@pytest.mark.transactional
def test_connections_are_cut(
    scenario: ScenarioOpener, broker: BreakableBroker, broker_proxy: Proxy, redis_server: BreakableRedis, is_long: bool
) -> None:
    """Connections are cut at random bytes of requests: fetches, batches of events, commits, heartbeats."""
    through = f"127.0.0.1:{broker_proxy.port}"
    with scenario(kafka=broker.address, worker_kafka=through, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()
        cuts = broker_proxy.cuts
        for number in range(1, (100 if is_long else 10) + 1):
            broker_proxy.cut_after(run.rng.randint(1, MAX_BYTES_BETWEEN_CUTS))
            wait_until(lambda number=number: broker_proxy.cuts >= cuts + number, READY_SECONDS, "a cut")  # type: ignore[misc]
            run.wait_recovered()
        run.finish()


def test_connections_are_slow(
    scenario: ScenarioOpener, broker: BreakableBroker, broker_proxy: Proxy, redis_server: BreakableRedis, is_long: bool
) -> None:
    """Each chunk of each request and response is delayed, but sessions do not time out."""
    through = f"127.0.0.1:{broker_proxy.port}"
    with scenario(kafka=broker.address, worker_kafka=through, redis_url=redis_server.url) as run, delayed(broker_proxy):
        run.create_topics()
        run.start()
        run.wait_committed(2_000 if is_long else 100)
        broker_proxy.delay_seconds = 0.0
        run.wait_recovered(RESUME_SECONDS)
        run.finish()


@contextmanager
def delayed(proxy: Proxy) -> Iterator[None]:
    proxy.delay_seconds = 0.1
    try:
        yield
    finally:
        proxy.delay_seconds = 0.0


def test_a_missing_topic_is_created(scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis) -> None:
    """The worker waits and reads nothing until the topic exists. Then it processes the backlog."""
    with scenario(kafka=kafka, redis_url=redis_server.url) as run:
        run.create_topics("articles", "new", "merged", "dead")
        run.load.start()
        run.recorder.committed()  # creates the offsets topic of a new broker, which the worker would wait for, too
        worker = run.pool.start()
        wait_until(lambda: "waiting" in worker.output(), READY_SECONDS, "the wait for the topics")
        assert run.topics.variants in worker.output()
        wait_unready(worker, AWAY)
        assert not run.recorder.committed()
        run.create_topics("variants")
        run.wait_recovered()
        wait_ready(worker)
        run.finish()


@pytest.mark.transactional
def test_too_large_records_become_dead_letters_or_notices(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis
) -> None:
    """A dead letter replaces an event that the broker rejects. A notice replaces such a dead letter."""
    with scenario(kafka=kafka, redis_url=redis_server.url) as run:
        limit = {"max.message.bytes": str(TOPIC_BYTES)}
        run.create_topics(new=limit, variants=limit, dead=limit)
        run.start()
        for number in range(3):
            run.load.produce(_titled(run, number), partition=number)
            malformed = run.rng.randbytes(MALFORMED_BYTES)
            run.load.produce(with_trace(b"malformed", malformed, run.rng), partition=number)
        run.wait_recovered()
        run.finish()
        dead = run.recorder.read().dead
    # A record that is too large for its topic is too large for the dead letters, too.
    notices = [record for record in dead if record.header("reprise-dead-form") == b"notice"]
    reasons = {record.header("reprise-dead-reason") for record in notices}
    assert b"event_too_large" in reasons, reasons
    assert len(reasons) == 2, reasons


def _titled(run: Scenario, number: int) -> LoadMessage:
    names = ("title", "url", "source", "published_at")
    fields = {name: "".join(chr(run.rng.randrange(*RARE)) for _ in range(FIELD_CHARACTERS)) for name in names}
    text = f"The story number {number} has a title that goes on and on, and it is told in one sentence only, this one."
    value = json.dumps({"id": f"titled-{number}", "text": text, **fields}).encode()
    return with_trace(b"titled", value, run.rng)


def test_a_right_is_lost(scenario: ScenarioOpener, broker: BreakableBroker, redis_server: BreakableRedis) -> None:
    """A worker without the right to write variants ends with exit code 1; the next one ends before it reads."""
    secured = next(f"127.0.0.1:{listener.port}" for listener in broker.listeners if listener.name == "SECURED")
    settings = {
        "REPRISE_KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "REPRISE_KAFKA_SASL_MECHANISM": "PLAIN",
        "REPRISE_KAFKA_SASL_USERNAME": "worker",
        "REPRISE_KAFKA_SASL_PASSWORD": "worker",
    }
    with scenario(kafka=broker.address, worker_kafka=secured, redis_url=redis_server.url, settings=settings) as run:
        run.create_topics()
        topics = run.topics
        rights = [_right(ResourceType.GROUP, topics.group_id, ACLOperation.READ)]
        rights.append(_right(ResourceType.TOPIC, topics.articles, ACLOperation.READ))
        kept = (topics.new, topics.merged, topics.dead)
        rights += [_right(ResourceType.TOPIC, topic, ACLOperation.WRITE) for topic in kept]
        lost_right = _right(ResourceType.TOPIC, topics.variants, ACLOperation.WRITE)
        with closing(KafkaAdminClient(bootstrap_servers=broker.address)) as admin:
            admin.create_acls([*rights, lost_right])
            run.start()
            admin.delete_acls([lost_right])
            first = run.pool.workers[0]
            assert run.pool.wait_ended(first) == 1
            assert "TopicAuthorizationFailed" in first.output().splitlines()[-1]
            run.check_commits()
            second = run.pool.start()
            assert run.pool.wait_ended(second) == 1
            assert f"lacks WRITE on topic {topics.variants}" in second.output().splitlines()[-1]
            admin.create_acls([lost_right])
        run.pool.start()
        run.wait_recovered()
        run.finish()


def _right(kind: ResourceType, name: str, operation: ACLOperation) -> ACL:
    return ACL("User:worker", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))


@pytest.mark.parametrize("corruption", list(BatchCorruption))
def test_a_corrupt_batch_becomes_dead_letters(
    scenario: ScenarioOpener, broker: BreakableBroker, redis_server: BreakableRedis, corruption: BatchCorruption
) -> None:
    """Each position of a batch that is corrupt on the disk is a dead letter. The other batches are processed."""
    with scenario(kafka=broker.address, redis_url=redis_server.url) as run:
        run.create_topics()
        offsets = [run.load.produce(_titled(run, number)) for number in range(5)]
        broker.stop()
        for offset in offsets[1:4:2]:
            corrupt = corrupt_batch(broker.segment(run.topics.articles, 0), offset, corruption)
            run.recorder.corrupt |= {(0, corrupt_offset) for corrupt_offset in corrupt}
        broker.start()
        run.start()
        run.wait_recovered()
        run.finish()
        dead = run.recorder.read().dead
    reasons = [record.header("reprise-dead-reason") for record in dead]
    assert reasons.count(b"record_unreadable") == len(run.recorder.corrupt) == 2, reasons
