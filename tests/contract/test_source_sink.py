"""One suite for every Source and Sink: Kafka's, and those in memory that stand in for it in unit tests."""

import random
import time
import uuid
from dataclasses import replace

import pytest

from reprise.errors import Unreachable
from reprise.kafka.clients import open_admin
from reprise.kafka.consumer import KafkaSource
from reprise.model import CorruptRecord, Message, OutputRecord
from tests.contract.adapters import (
    DEADLINE_SECONDS,
    PARTITIONS,
    POLL_SECONDS,
    IndexAdapter,
    KafkaWorld,
    deliver,
    fill,
    owned,
    poll_together,
    poll_until,
    settle,
    skipped,
    take,
    values,
)
from tests.contract.memory_broker import MAX_RECORD_BYTES


def test_every_record_arrives_as_it_was_sent(world: IndexAdapter) -> None:
    """Key, value, headers, order within a partition and a tombstone's null survive the way through the broker."""
    topic = world.topic()
    sent = fill(world, topic, 50)
    tombstone = OutputRecord(topic=topic, key=b"gone", value=None, headers=())
    sink = world.sink()
    sink.send([tombstone])
    sink.flush()
    got = take(world.source(topic, "g"), 51)
    assert sorted((m.key, m.value, m.headers) for m in got if m.value is not None) == sorted(
        (r.key, r.value, r.headers) for r in sent
    )
    assert [m.key for m in got if m.value is None] == [b"gone"]
    for partition in range(PARTITIONS):
        offsets = [m.offset for m in got if m.partition == partition]
        assert offsets == list(range(len(offsets)))


def test_a_batch_has_at_most_so_many_messages(world: IndexAdapter) -> None:
    """A poll never gives more than batch_max, and the polls together give everything once."""
    topic = world.topic()
    fill(world, topic, 25)
    source = world.source(topic, "g", batch_max=10)
    sizes: list[int] = []
    until = time.monotonic() + DEADLINE_SECONDS
    while sum(sizes) < 25:
        assert time.monotonic() < until
        sizes.append(len(source.poll(POLL_SECONDS)))
    assert max(sizes) <= 10
    assert sum(sizes) == 25


def test_what_is_not_committed_is_read_again(world: IndexAdapter) -> None:
    """A source that goes away uncommitted has its messages given to the next one of the group."""
    topic = world.topic()
    fill(world, topic, 20)
    first = world.source(topic, "g")
    got = take(first, 20)
    first.close()
    assert values(take(world.source(topic, "g"), 20)) == values(got)


def test_what_is_committed_is_not_read_again(world: IndexAdapter) -> None:
    """The next source of the group begins after what was committed, and a stranger group at the beginning."""
    topic = world.topic()
    fill(world, topic, 20)
    first = world.source(topic, "g")
    deliver(world.delivery(first), skipped(take(first, 20)), first)
    first.close()
    fill(world, topic, 5, start=20)
    assert values(take(world.source(topic, "g"), 5)) == [b"v%d" % number for number in range(20, 25)]
    assert len(take(world.source(topic, "other"), 25)) == 25


def test_a_paused_source_gives_nothing_and_forgets_nothing(world: IndexAdapter) -> None:
    """Polls of a paused source are empty; resumed, it goes on where it was."""
    topic = world.topic()
    fill(world, topic, 10)
    source = world.source(topic, "g")
    take(source, 10)
    source.pause()
    fill(world, topic, 10, start=10)
    assert [list(source.poll(0.2)) for _ in range(5)] == [[]] * 5
    source.resume()
    assert values(take(source, 10)) == [b"v%d" % number for number in range(10, 20)]


def test_a_source_that_joins_while_paused_stays_paused(world: IndexAdapter) -> None:
    """A pause holds for partitions that are assigned after it."""
    topic = world.topic()
    fill(world, topic, 10)
    source = world.source(topic, "g")
    source.pause()
    until = time.monotonic() + DEADLINE_SECONDS
    while not owned(source):
        assert time.monotonic() < until
        assert list(source.poll(POLL_SECONDS)) == []
    assert [list(source.poll(0.2)) for _ in range(3)] == [[]] * 3
    source.resume()
    assert len(take(source, 10)) == 10


def test_two_sources_share_the_partitions(world: IndexAdapter) -> None:
    """Two members of a group get everything between them, each partition from one of them."""
    topic = world.topic()
    first, second = world.source(topic, "g"), world.source(topic, "g")
    settle(first, second)
    fill(world, topic, 40)
    got: dict[int, list[Message | CorruptRecord]] = {0: [], 1: []}
    until = time.monotonic() + DEADLINE_SECONDS
    while sum(map(len, got.values())) < 40:
        assert time.monotonic() < until
        for number, batch in enumerate(poll_together(first, second)):
            got[number] += batch
    assert {m.partition for m in got[0]}.isdisjoint(m.partition for m in got[1])
    assert got[0]
    assert got[1]


def test_a_partition_lost_is_not_committed(world: IndexAdapter) -> None:
    """Positions of a partition that another member has taken over are left out, and the rest is committed."""
    topic = world.topic()
    fill(world, topic, 40)
    first = world.source(topic, "g")
    batch = take(first, 40)
    first.pause()
    second = world.source(topic, "g")
    settle(first, second, seen=lambda got: len(got) > 0)
    deliver(world.delivery(first), skipped(batch), first, second)
    first.close()
    second.close()
    again = {m.partition for m in take(world.source(topic, "g"), 1)}
    assert len(again) == 1, "one partition stayed with the first and is committed, the other moved and is not"


def test_a_record_that_cannot_be_decoded_is_named_and_passed(world: IndexAdapter) -> None:
    """Damaged records come as their positions, once each, and neither hide nor repeat their neighbours."""
    topic = world.topic()
    fill(world, topic, 10)
    world.append_damaged(topic)
    world.append_damaged(topic)
    fill(world, topic, 10, start=10)
    source = world.source(topic, "g")
    got = poll_until(lambda messages: len(messages) >= 22, source)
    damaged = [item for item in got if isinstance(item, CorruptRecord)]
    assert [item.partition for item in damaged] == [0, 0]
    assert damaged[1].offset == damaged[0].offset + 1
    assert all(item.detail for item in damaged)
    assert sorted((item.partition, item.offset) for item in got) == sorted({(m.partition, m.offset) for m in got})
    assert values([m for m in got if isinstance(m, Message)]) == sorted(b"v%d" % number for number in range(20))
    deliver(world.delivery(source), skipped(got), source)
    source.close()
    fill(world, topic, 1, start=20)
    assert values(take(world.source(topic, "g"), 1)) == [b"v20"]


@pytest.mark.stack
def test_a_record_that_is_found_unreadable_in_a_pause_waits_for_its_end(
    kafka_bootstrap_servers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fetch may slip in before a pause: what it raises is no message for whoever waits, and comes when it is over."""
    world = KafkaWorld(kafka_bootstrap_servers)
    topic = world.topic(1)
    source = world.source(topic, "g")
    assert isinstance(source, KafkaSource)
    assert list(source.poll(0.2)) == []
    world.append_damaged(topic)
    source.pause()
    consumer = source._open()

    def slipped(**_: object) -> dict[object, object]:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    with monkeypatch.context() as slips:
        slips.setattr(consumer, "poll", slipped)
        assert list(source.poll(0.2)) == []
        assert list(source.poll(0.2)) == []
    source.resume()
    (found,) = poll_until(lambda got: len(got) > 0, source)
    assert isinstance(found, CorruptRecord)
    world.close()


def test_what_is_too_large_is_named_and_the_rest_is_sent(world: IndexAdapter) -> None:
    """A record past the limit is returned by its index, whatever surrounds it, and harms nobody else."""
    topic = world.topic()
    small = OutputRecord(topic=topic, key=b"k", value=b"small", headers=())
    large = replace(small, value=b"x" * (MAX_RECORD_BYTES + 1))
    sink = world.sink()
    assert list(sink.send([small, large, small, large])) == [1, 3]
    sink.flush()
    assert values(take(world.source(topic, "g"), 2)) == [b"small", b"small"]


@pytest.mark.stack
def test_what_the_broker_finds_too_large_is_named_and_nothing_else(kafka_bootstrap_servers: str) -> None:
    """A topic's own limit is told by the broker alone; those that were on their way beside it are not blamed for it."""
    world = KafkaWorld(kafka_bootstrap_servers)
    topic, limited = world.topic(), f"t{uuid.uuid4().hex}"
    admin = open_admin(world.settings())
    admin.create_topics(
        {limited: {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "5000"}}}
    )
    admin.close()
    small = [OutputRecord(topic=name, key=b"k", value=b"small", headers=()) for name in (topic, limited)]
    large = [OutputRecord(topic=limited, key=b"k", value=random.randbytes(20_000), headers=()) for _ in range(2)]
    sink = world.sink()
    records, left = [small[0], large[0], small[1], large[1]], [1, 3]
    until = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            found = list(sink.send(records))
            sink.flush()
            break
        except Unreachable:
            assert time.monotonic() < until, "the sink never found out"
    assert found == left
    for name in (topic, limited):
        assert set(values(take(world.source(name, name), 1))) == {b"small"}
    world.close()


def test_a_flush_of_nothing_succeeds(world: IndexAdapter) -> None:
    """A batch of tombstones sends nothing and is flushed all the same."""
    sink = world.sink()
    assert list(sink.send([])) == []
    sink.flush()


@pytest.mark.stack
def test_a_join_that_ends_between_two_polls_is_not_forgotten(kafka_bootstrap_servers: str) -> None:
    """Partitions that are added while a poll is too short to see the rebalance through are read all the same."""
    world = KafkaWorld(kafka_bootstrap_servers)
    topic = world.topic()
    source = world.source(topic, "g")
    assert isinstance(source, KafkaSource)
    poll_until(lambda got: len(source.partitions()) == PARTITIONS, source)
    admin = open_admin(world.settings())
    admin.create_partitions({topic: PARTITIONS + 1})
    admin.close()
    # what follows happens by itself when the client's metadata is five minutes old
    client = source._open()
    client._cluster.request_update()
    until = time.monotonic() + DEADLINE_SECONDS
    while client._coordinator._join_task is None:
        assert time.monotonic() < until
        source.poll(0.001)
    while not client._coordinator._join_task.is_done:
        assert time.monotonic() < until
        time.sleep(0.01)
    poll_until(lambda got: len(source.partitions()) == PARTITIONS + 1, source)
    world.close()
