"""Slots that are moved to another node while their namespace is being decided."""

import shutil
import subprocess
import threading
import time
from itertools import count, cycle
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reprise.errors import Unreachable
from reprise.index.memory import MemoryIndex
from reprise.index.redis.codec import article_keys, lookup_arguments, parse_lookup
from reprise.index.redis.keys import meta_key
from reprise.index.redis.scripts import script
from reprise.model import Fingerprint, Kind
from tests.cluster.deciding import BACK_SECONDS, T0, index_on, insist, told
from tests.cluster.moves import moves_whole, moving
from tests.cluster.servers import Node, RedisCluster, slot_of
from tests.contract.conftest import RETENTION
from tests.contract.streams import RULE as DEFAULT_RULE
from tests.contract.streams import article, edited, text_of
from tests.contract.test_index_property import RULE, streams
from tests.contract.test_redis_keys import stream

#: A text that only an exact copy can match: nothing of it is prose.
WITHOUT_PROSE = "Home\nNews"

#: Articles a batch of a stream that goes on while slots are moved.
BATCH = 20

#: Milliseconds between two of these batches.
STEP_MS = 100


@settings(max_examples=25, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams, opened_at=st.integers(0, 11), steps=st.lists(st.integers(5, 80), min_size=1, max_size=5))
def test_a_slot_moved_key_by_key_changes_no_decision(
    client: redis.RedisCluster,
    shared_cluster: RedisCluster,
    stream: list[tuple[int, list[Fingerprint]]],
    opened_at: int,
    steps: list[int],
) -> None:
    """Wherever between two batches a move begins, and however many keys are where: the events are those of no move."""
    namespace = f"moved-{uuid4().hex}"
    index, reference = index_on(client, RULE), MemoryIndex(rule=RULE, retention=RETENTION)
    move, sizes, now_ms = moving(shared_cluster, namespace), cycle(steps), T0
    opened = False

    def go_on() -> None:
        if not move.keys(next(sizes)):
            move.finish()

    try:
        for number, (pause_ms, batch) in enumerate(stream):
            now_ms += pause_ms
            if number == min(opened_at, len(stream) - 1):
                move.begin()
                opened = True
            decided = insist(index, namespace, batch, now_ms, go_on)
            assert told(decided) == told(reference.decide(namespace, batch, now_ms))
    finally:
        if opened and move.source.holds(move.slot):
            while move.keys(100):
                pass
            move.finish()


def test_nothing_is_written_while_keys_are_on_their_way(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """From the first moment of a move to its last, a batch changes no key on either node, and is told to wait."""
    index = index_on(client)
    index.decide(namespace, stream(30), T0)
    move = moving(shared_cluster, namespace)
    move.begin()
    while True:
        before = [contents(node, namespace) for node in (move.source, move.target)]
        with pytest.raises(Unreachable, match="moved key by key"):
            index.decide(namespace, stream(30, 20), T0 + 1)
        assert [contents(node, namespace) for node in (move.source, move.target)] == before
        if not move.keys(20):
            break
    move.finish()
    assert [each.trace.replayed for each in index.decide(namespace, stream(30, 20), T0 + 1)] == [True] * 10 + [
        False
    ] * 20


def test_no_decision_is_left_half_taken(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """Where a script would meet a missing key only in its last step, it has not begun: the event is that of no move."""
    index, reference = index_on(client), MemoryIndex(rule=DEFAULT_RULE, retention=RETENTION)
    one, other = text_of(1, 2, 3), text_of(11, 12, 13, 14, 15)
    before = [article("a", one), article("b", other), article("c", text_of(21)), article("c", edited(text_of(21), 3))]
    assert told(index.decide(namespace, before, T0)) == told(reference.decide(namespace, before, T0))
    move = moving(shared_cluster, namespace)
    move.begin()
    move.these([key for key in contents(move.source, namespace) if key.endswith(":r:1")])
    # a page whose text is replaced: the record of the old one is the last key that its decision needs
    replaced = [article("a", edited(other, 5))]
    with pytest.raises(Unreachable, match="moved key by key"):
        index.decide(namespace, replaced, T0 + 1)
    while move.keys(100):
        pass
    move.finish()
    (decided,) = index.decide(namespace, replaced, T0 + 1)
    assert decided.kind is Kind.NEAR
    assert told([decided]) == told(reference.decide(namespace, replaced, T0 + 1))


def test_a_move_of_one_namespace_leaves_the_answers_of_others(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """Of two namespaces asked at once, the one that is being moved waits, and the answers of the other are read."""
    index, reference = index_on(client), MemoryIndex(rule=DEFAULT_RULE, retention=RETENTION)
    index.prepare(namespace)
    move = moving(shared_cluster, namespace)
    other = next(f"{namespace}-{n}" for n in count() if move.target.holds(slot_of(f"{namespace}-{n}")))
    index.prepare(other)
    move.begin()
    waiting, answers = index.submit(namespace, stream(BATCH), T0), index.submit(other, stream(BATCH), T0)
    with pytest.raises(Unreachable, match="moved key by key"):
        waiting.result()
    assert told(answers.result()) == told(reference.decide(other, stream(BATCH), T0))
    while move.keys(100):
        pass
    move.finish()
    assert told(index.decide(namespace, stream(BATCH), T0)) == told(reference.decide(namespace, stream(BATCH), T0))


def test_a_move_that_was_broken_off_is_mended(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str
) -> None:
    """What the runbook says, `redis-cli --cluster fix`, brings the keys together, and every decision is in place."""
    tool = shutil.which("redis-cli")
    if tool is None:
        pytest.skip("no redis-cli on the PATH")
    index = index_on(client)
    before = told(index.decide(namespace, stream(30), T0))
    move = moving(shared_cluster, namespace)
    move.begin()
    assert move.keys(20) == 20
    with pytest.raises(Unreachable, match="moved key by key"):
        index.decide(namespace, stream(30), T0 + 1)
    address = f"127.0.0.1:{move.source.port}"
    subprocess.run([tool, "--cluster", "fix", address], input=b"yes\n", check=True, timeout=BACK_SECONDS)
    assert told(insist(index, namespace, stream(30), T0 + 1)) == before


def test_whoever_followed_ask_would_tell_a_story_twice(cluster: RedisCluster, namespace: str) -> None:
    """A client of the whole cluster would run a script where half of the keys are, and miss the rest: so none does."""
    client = cluster.connect()
    index, key = index_on(client), meta_key(namespace)
    index.prepare(namespace)
    index.decide(namespace, [article("a", WITHOUT_PROSE)], T0)
    keyspace = index.open_namespace(namespace).keyspace
    move = moving(cluster, namespace)
    move.begin()
    move.these([key])
    copy = article("b", WITHOUT_PROSE)
    keys = article_keys(copy, keyspace.shards)
    answer = client.eval(script("lookup").text, 1, key, *lookup_arguments(keyspace, keys, T0 + 1))
    found = parse_lookup(answer, keys, RETENTION, T0 + 1)
    assert (found.copy, found.lookup.members) == (None, {}), "the original is on the other node"
    with pytest.raises(Unreachable, match="moved key by key"):
        index.decide(namespace, [copy], T0 + 1)


@pytest.mark.parametrize("way", ["key by key", "whole"])
def test_a_slot_is_moved_to_and_fro_under_load(
    client: redis.RedisCluster, shared_cluster: RedisCluster, namespace: str, way: str
) -> None:
    """Two workers decide one stream while its slot is moved four times: the events are those of no move."""
    if way == "whole" and not moves_whole(shared_cluster):
        pytest.skip("this server moves no slot by itself: Valkey 9 does")
    moves: list[float] = []
    ended = threading.Event()

    def move_on() -> None:
        try:
            while len(moves) < 4:
                move = moving(shared_cluster, namespace)
                began = time.monotonic()
                move.whole() if way == "whole" else move.by_keys(10)
                moves.append(time.monotonic() - began)
        finally:
            ended.set()  # also where a move failed, which the number of moves tells

    reference = MemoryIndex(rule=DEFAULT_RULE, retention=RETENTION)
    mover = threading.Thread(target=move_on, daemon=True)
    with shared_cluster.connect() as other:
        workers = cycle([index_on(client), index_on(other)])
        decided, number = [], 0
        mover.start()
        while not ended.is_set() or number < 10:
            batch, now_ms = stream(BATCH, number * BATCH), T0 + number * STEP_MS
            decided += told(insist(next(workers), namespace, batch, now_ms))
            assert decided[-BATCH:] == told(reference.decide(namespace, batch, now_ms))
            number += 1
    mover.join(BACK_SECONDS)
    assert len(moves) == 4


def contents(node: Node, namespace: str) -> dict[str, bytes]:
    """Give what a node keeps of a namespace, each key's value as the server serialises it."""
    with redis.Redis(port=node.port) as client, client.pipeline(transaction=False) as pipeline:
        keys = client.cluster("GETKEYSINSLOT", slot_of(namespace), 100_000)
        for key in keys:
            pipeline.execute_command("ASKING")
            pipeline.dump(key)
        return dict(zip(keys, pipeline.execute()[1::2], strict=True))
