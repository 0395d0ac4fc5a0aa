"""What an index leaves in Redis: its keys, how they are packed, how they go, and what it does when Redis fails."""

import os
import re
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.local.stack.redis_local import local_redis
from deploy.local.stack.types import StackKind, StackUnavailable
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.errors import Fatal, IndexMismatch, Unreachable
from reprise.index.memory import MemoryIndex
from reprise.index.redis import index as index_module
from reprise.index.redis.codec import margin_ms, sweep_arguments
from reprise.index.redis.errors import translate_redis_error
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import meta_key
from reprise.index.redis.scripts import script
from reprise.index.redis.split_pipeline import SplitPipeline
from reprise.model import Decision, EventType, Fingerprint
from tests.contract.streams import RULE, article, edited, text_of
from tests.support import unavailable, wait_until

pytestmark = pytest.mark.redis

T0 = 1_700_000_000_000
RETENTION = Retention(window_seconds=60, replay_seconds=20)
#: The keys that reprise/index/redis/keys.py lists, with the type of each.
KINDS = {
    r"reprise": b"hash",
    r"[0-9a-f]{6}:r:[0-9]+": b"string",
    r"[0-9a-f]{6}:b:[0-9]+:[0-9]+": b"string",
    r"[0-9a-f]{6}:[avpt]:[0-9]+": b"hash",
}


def connected(url: str, timeout_seconds: float = 5.0) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1),
    )


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with connected(redis_url) as found:
        yield found


def index_on(
    client: redis.Redis, *, retention: Retention = RETENTION, rule: Rule = RULE, expected_articles: int = 300
) -> RedisIndex:
    return RedisIndex(client, rule=rule, retention=retention, expected_articles=expected_articles)


def keys_of(client: redis.Redis, namespace: str) -> list[bytes]:
    return list(client.scan_iter(match=f"{{{namespace}}}:*", count=1_000))


def entries_of(client: redis.Redis, namespace: str) -> int:
    """Return the number of fields of all hashes, entries of all buckets, and records."""
    count = 0
    for key in keys_of(client, namespace):
        if b":r:" in key:
            count += 1
        elif b":b:" in key:
            shard = client.get(key)
            assert isinstance(shard, bytes)
            count += sum(any(shard[at : at + 8]) for at in range(0, len(shard), 8))
        else:
            count += client.hlen(key)
    return count


def stream(count: int, first: int = 0) -> list[Fingerprint]:
    """Articles of which a third found stories, the rest are variants, and every tenth revises one of the last nine."""
    return [
        _article(number - 9 if number % 10 == 9 else number, number % 10 == 9) for number in range(first, first + count)
    ]


def _article(number: int, revised: bool) -> Fingerprint:
    story = number // 3
    text = text_of(10 * story, 10 * story + 1, 10 * story + 2)
    if number % 3 == 1:
        text = edited(text, 4)
    elif number % 3 == 2:
        text += f"\n{text_of(10 * story + 5)}"
    return article(f"a{number}", edited(text, 9) if revised else text, source=f"s{number % 7}")


def test_every_key_is_listed_tagged_and_expires(client: redis.Redis, namespace: str) -> None:
    """After 300 articles with revisions every key carries the hash tag, is of a listed kind, and has a bounded TTL."""
    index = index_on(client)
    before = set(client.scan_iter(count=1_000))
    for at in range(0, 300, 50):
        index.decide(namespace, stream(50, at), T0 + at)
    made = set(client.scan_iter(count=1_000)) - before
    assert set(keys_of(client, namespace)) == made
    longest_ms = RETENTION.record_ms + RETENTION.replay_ms + margin_ms(RETENTION)
    seen = set()
    for key in made:
        name = key.decode().removeprefix(f"{{{namespace}}}:")
        (kind,) = [kind for kind in KINDS if re.fullmatch(kind, name)]
        seen.add(re.sub(r"[0-9]+", "", name.split(":", 1)[-1]))
        assert client.type(key) == KINDS[kind], key
        assert 0 < client.pttl(key) <= longest_ms, key
    assert seen == {"reprise", "r:", "b::", "a:", "v:", "p:", "t:"}


def test_hashes_stay_listpacks(client: redis.Redis, namespace: str) -> None:
    """At the expected number of articles, and at four times as many, every hash is a listpack."""
    index = index_on(client)
    for at in range(0, 1_200, 100):
        index.decide(namespace, stream(100, at), T0 + at)
        if at in (200, 1_100):
            hashes = [key for key in keys_of(client, namespace) if client.type(key) == b"hash"]
            assert {client.object("encoding", key) for key in hashes} <= {b"listpack", b"ziplist"}


def test_nothing_is_left_without_traffic(client: redis.Redis, namespace: str) -> None:
    """With the window past and no traffic, the namespace is gone by itself."""
    index = index_on(client, retention=Retention(window_seconds=0.5, replay_seconds=0.3))
    seconds, microseconds = client.time()
    index.decide(namespace, stream(60), seconds * 1_000 + microseconds // 1_000)
    assert len(keys_of(client, namespace)) > 60
    wait_until(lambda: not keys_of(client, namespace), 10, "an empty namespace")


def test_the_sweep_keeps_a_running_index_flat(client: redis.Redis, namespace: str) -> None:
    """While traffic goes on, what is too old is removed: ten windows later there are no more fields than after two."""
    index = index_on(client)
    sizes = []
    for step in range(100):
        now_ms = T0 + step * RETENTION.window_ms // 10
        index.decide(namespace, stream(12, 12 * step), now_ms)
        age(client, namespace, RETENTION.window_ms // 10)
        sizes.append(entries_of(client, namespace))
    peak, late = max(sizes[:20]), max(sizes[20:])
    assert late <= 1.1 * peak
    assert sizes[5] < 0.7 * peak  # so that a flat line means removal


def test_what_a_sweep_leaves_over_waits_for_the_next(client: redis.Redis, namespace: str) -> None:
    """Where batches are few, each sweep visits its limit and forgets nothing of what was due, up to a round."""
    index = index_on(client)
    shards = (RULE.permutations + 4) * index.prepare(namespace)
    keyspace = index.open_namespace(namespace).keyspace

    def visited(elapsed_ms: float, limit: int) -> int:
        arguments = sweep_arguments(keyspace, T0 + int(elapsed_ms), limit)
        found: list[int] = client.eval(script("sweep").text, 1, meta_key(namespace), *arguments)
        return found[0]

    round_ms = RETENTION.window_ms / 8
    assert visited(0, 64) == 0
    assert [visited(round_ms / 2, shards // 4) for _ in range(3)] == [shards // 4, shards // 4, 0]
    assert visited(10 * round_ms, shards) == shards
    assert visited(10 * round_ms, shards) == 0


def age(client: redis.Redis, namespace: str, elapsed_ms: int) -> None:
    """Let the time that the articles' clock has made pass for the keys' own expiry, too."""
    keys = keys_of(client, namespace)
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.pttl(key)
        remaining = pipeline.execute()
        for key, ttl_ms in zip(keys, remaining, strict=True):
            pipeline.pexpire(key, max(0, ttl_ms - elapsed_ms))
        pipeline.execute()


SMALL = Rule(bucket_entries=3, candidates=4, permutations=16, sketch_size=48)
articles = st.builds(
    article,
    st.integers(0, 3).map(str),
    st.one_of(
        st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True).map(lambda seeds: text_of(*seeds)),
        st.just("Home\nNews"),
    ),
    source=st.sampled_from([None, "a", "b"]),
    crawled_at_ms=st.sampled_from([None, 1_000, 2_000]),
    rule=st.just(SMALL),
)
steps = st.lists(
    st.tuples(st.sampled_from([1, 7_000, 19_000, 40_000, 59_000, 60_000]), st.lists(articles, min_size=1, max_size=3)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=200, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=steps, replay_seconds=st.sampled_from([20, 60, 90]))
def test_expiring_keys_take_nothing_that_is_still_promised(
    redis_url: str, stream: list[tuple[int, list[Fingerprint]]], replay_seconds: int
) -> None:
    """Where keys expire in step with the articles' clock, Redis still decides as the reference, which keeps all."""
    retention = Retention(window_seconds=60, replay_seconds=replay_seconds)
    with connected(redis_url) as client:
        for key in keys_of(client, "expiring"):
            client.delete(key)
        real = index_on(client, retention=retention, rule=SMALL, expected_articles=50)
        reference = MemoryIndex(rule=SMALL, retention=retention)
        now_ms = T0
        for pause_ms, batch in stream:
            now_ms += pause_ms
            age(client, "expiring", pause_ms)
            assert bare(real.decide("expiring", batch, now_ms)) == bare(reference.decide("expiring", batch, now_ms))


@pytest.mark.parametrize("exact", [False, True], ids=["near", "exact"])
def test_a_story_lives_while_copies_arrive(client: redis.Redis, namespace: str, exact: bool) -> None:
    """Copies that are not indexed keep a story findable for texts of another form, though they fill no bucket."""
    index = index_on(client)
    text = text_of(1, 2, 3, 4)
    (founder,) = index.decide(namespace, [article("a", text)], T0)
    for step in range(1, 6):
        age(client, namespace, 40_000)
        copy = article(f"c{step}", text if exact else edited(text, 6 + step))
        (decision,) = index.decide(namespace, [copy], T0 + 40_000 * step)
        assert (decision.story_id, decision.trace.indexed) == (founder.story_id, False)
    (variant,) = index.decide(namespace, [article("v", f"{text_of(1, 2, 3)}\n{text_of(9)}")], T0 + 200_001)
    assert variant.story_id == founder.story_id


def test_a_superseded_decision_outlives_its_story(client: redis.Redis, namespace: str) -> None:
    """A decision superseded late in the window is given again for the whole replay time after that."""
    index = index_on(client)
    first, second = article("a", text_of(1, 2, 3)), article("a", text_of(7, 8, 9))
    (decided,) = index.decide(namespace, [first], T0)
    age(client, namespace, 59_000)
    index.decide(namespace, [second], T0 + 59_000)
    age(client, namespace, 19_000)
    (again,) = index.decide(namespace, [first], T0 + 78_000)
    assert again.trace.replayed
    assert (again.type, again.story_id, again.decided_at_ms) == (decided.type, decided.story_id, T0)


@pytest.mark.parametrize(
    "answer",
    [
        "OOM command not allowed when used memory > 'maxmemory'.",
        "Error running script (call to f_0): @user_script:4: @user_script: 4: -OOM command not allowed",  # Redis 6.2
        "READONLY You can't write against a read only replica.",
        "LOADING Redis is loading the dataset in memory",
        "BUSY Redis is busy running a script.",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "NOREPLICAS Not enough good replicas to write.",
        "MISCONF Errors writing to the AOF file: No space left on device",
        "CLUSTERDOWN The cluster is down",
        "MOVED 3999 127.0.0.1:6381",
        "ASK 3999 127.0.0.1:6381",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "Lua script attempted to access a non local key in a cluster node",  # Redis 6.2, within its words for a script
        "Script attempted to access a non local key in a cluster node",
        "Attempted to access a non local key in a cluster node",  # Valkey 9
        "Script attempted to execute a write command while the cluster is down and readonly",
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "NOPERM this user has no permissions to run the 'evalsha' command",
    ],
    ids=lambda answer: answer.split()[0],
)
def test_answers_that_mean_try_again(client: redis.Redis, answer: str) -> None:
    """Whatever class and text the client makes of a server's passing trouble, the pipeline is told to try again."""
    with pytest.raises(redis.RedisError) as raised:
        client.eval("return redis.error_reply(ARGV[1])", 0, answer)
    assert isinstance(translate_redis_error(raised.value), Unreachable)


def test_other_answers_stop_the_worker(client: redis.Redis) -> None:
    """An error that no waiting mends is fatal."""
    with pytest.raises(redis.RedisError) as raised:
        client.eval("return redis.error_reply(ARGV[1])", 0, "WRONGTYPE Operation against a key of the wrong kind")
    assert isinstance(translate_redis_error(raised.value), Fatal)


def bare(decisions: Sequence[Decision]) -> list[tuple[object, ...]]:
    return [(each.type, each.story_id, each.kind, each.similarity, each.decided_at_ms) for each in decisions]


def test_scripts_may_be_flushed(client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that forgets its scripts between batches, or in the middle of one, gets them again; nothing changes."""
    batch = stream(9)
    expected = bare(MemoryIndex(rule=RULE, retention=RETENTION).decide(namespace, batch, T0))
    index = index_on(client)
    index.decide(namespace, stream(3, 300), T0)
    client.script_flush()
    assert bare(index.decide(namespace, batch, T0)) == expected
    other = index_on(client)
    expected = bare(MemoryIndex(rule=RULE, retention=RETENTION).decide(f"{namespace}-b", batch, T0))
    sent: list[int] = []

    class Forgetful(SplitPipeline):
        """Tells the server to forget its scripts in the middle of the first batch."""

        def __init__(self, to: redis.Redis, commands: Sequence[tuple[Any, ...]]) -> None:
            self.flush = [("SCRIPT", "FLUSH")] * (not sent and len(commands) > 4)
            sent.append(len(commands))
            super().__init__(to, [*commands[:4], *self.flush, *commands[4:]])

        def receive(self) -> list[Any]:
            answers = super().receive()
            return [*answers[:4], *answers[4 + len(self.flush) :]]

    monkeypatch.setattr(index_module, "SplitPipeline", Forgetful)
    assert bare(other.decide(f"{namespace}-b", batch, T0)) == expected
    assert sent[:2] == [9, 9], "nine lookups, twice: the second time the scripts are loaded"


def test_a_server_that_forgets_its_scripts_always_is_away_and_keeps_no_connection(
    client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is sent three times at most, and none of its answers is left lying in a connection."""
    index = index_on(client)
    index.prepare(namespace)
    sent: list[int] = []

    class Forgetful(SplitPipeline):
        def __init__(self, to: redis.Redis, commands: Sequence[tuple[Any, ...]]) -> None:
            sent.append(len(commands))
            super().__init__(to, [("EVALSHA", "0" * 40, 0)] * len(commands))

    monkeypatch.setattr(index_module, "SplitPipeline", Forgetful)
    with pytest.raises(Unreachable, match="as soon as they are loaded"):
        index.decide(namespace, stream(9), T0)
    assert sent == [9] * 3, "nine lookups, three times"
    index.submit(namespace, stream(9), T0).cancel()
    assert not client.connection_pool._in_use_connections


def test_a_namespace_that_vanished_is_made_anew(client: redis.Redis, namespace: str) -> None:
    """Keys that are deleted under a running worker cost the memory of stories, and no error."""
    index = index_on(client)
    (first,) = index.decide(namespace, [article("a", text_of(1, 2))], T0)
    client.delete(*keys_of(client, namespace))
    (again,) = index.decide(namespace, [article("b", text_of(1, 2))], T0 + 1)
    assert again.type is EventType.NEW
    assert again.story_id != first.story_id


def test_records_that_vanished_are_decided_afresh(client: redis.Redis, namespace: str) -> None:
    """Representatives that were evicted or deleted by hand are no error either."""
    index = index_on(client)
    batch = stream(12)
    index.decide(namespace, batch, T0)
    client.delete(*[key for key in keys_of(client, namespace) if b":r:" in key])
    again = index.decide(namespace, batch, T0 + 1)
    assert not any(decision.trace.replayed for decision in again)
    assert again[0].type is EventType.NEW


@pytest.mark.parametrize("other", [Rule(permutations=RULE.permutations + 8), Rule(sketch_size=128)])
def test_other_parameters_are_refused(client: redis.Redis, namespace: str, other: Rule) -> None:
    """A worker with another signature refuses the index, names both sides and what to do, and leaves it as it was."""
    index = index_on(client)
    batch = stream(3)
    first = bare(index.decide(namespace, batch, T0))
    with pytest.raises(IndexMismatch) as refused:
        index_on(client, rule=other).decide(namespace, batch, T0)
    message = str(refused.value)
    assert namespace in message
    assert f"permutations={other.permutations} sketch={other.sketch_size}" in message
    assert f"permutations={RULE.permutations} sketch={RULE.sketch_size}" in message
    assert "REPRISE_INDEX_GENERATION" in message
    assert "\n" not in message
    assert bare(index.decide(namespace, batch, T0)) == first


def test_thresholds_and_size_may_differ_between_workers(client: redis.Redis, namespace: str) -> None:
    """Only what the signature is made with must agree; the size stays as the index was created."""
    assert index_on(client, expected_articles=10_000).prepare(namespace) == 128
    stricter = index_on(client, rule=Rule(near_similarity=0.9), expected_articles=100)
    assert stricter.prepare(namespace) == 128
    assert stricter.decide(namespace, stream(3), T0)[0].type is EventType.NEW


def test_one_of_many_workers_founds_the_story(redis_url: str, namespace: str) -> None:
    """Eight workers that get copies of the same new texts at the same moment announce each story once."""
    workers, rounds = 8, 10
    barrier = threading.Barrier(workers, timeout=30)
    texts = [text_of(10 * number, 10 * number + 1, 10 * number + 2) for number in range(rounds)]

    def work(worker: int) -> list[Decision]:
        with connected(redis_url) as own:
            index = index_on(own)
            decisions: list[Decision] = []
            for number, text in enumerate(texts):
                copy = text if worker % 2 else edited(text, 3 + worker)
                each = article(f"w{worker}-{number}", copy, source=f"s{worker}")
                barrier.wait()
                decisions += index.decide(namespace, [each], T0)
            return decisions

    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(work, range(workers)))
    for decisions in zip(*answers, strict=True):
        assert [decision.type for decision in decisions].count(EventType.NEW) == 1
        assert len({decision.story_id for decision in decisions}) == 1
    assert len({decision.story_id for decision in answers[0]}) == rounds


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[tuple[str, ExitStack]]:
    """A server of this test's own, which it may harm; closing the stack stops it."""
    with ExitStack() as stack:
        try:
            service = stack.enter_context(local_redis(StackKind.EMBEDDED, tmp_path))
        except StackUnavailable as error:
            unavailable("stack", str(error))
        yield service.address, stack


def test_a_stopped_server_is_unreachable(own_server: tuple[str, ExitStack], namespace: str) -> None:
    """A server that is gone means try again, at every call."""
    url, stack = own_server
    with connected(url) as client:
        index = index_on(client)
        index.decide(namespace, stream(3), T0)
        stack.close()
        for _ in range(2):
            with pytest.raises(Unreachable, match="redis"):
                index.decide(namespace, stream(3), T0)
        with pytest.raises(Unreachable, match="redis"):
            index.prepare("another")
        with pytest.raises(Unreachable, match="redis"):
            index.size(namespace)


def test_a_silent_server_is_unreachable_until_it_answers(own_server: tuple[str, ExitStack], namespace: str) -> None:
    """A server that hangs means try again; when it goes on, the same batch gets the decisions that it was given."""
    url, _ = own_server
    with connected(url, timeout_seconds=0.3) as client:
        index = index_on(client)
        index.decide(namespace, stream(3, 30), T0)
        server = int(client.info("server")["process_id"])
        os.kill(server, signal.SIGSTOP)
        try:
            with pytest.raises(Unreachable, match="redis"):
                index.decide(namespace, stream(3), T0)
        finally:
            os.kill(server, signal.SIGCONT)
        expected = bare(MemoryIndex(rule=RULE, retention=RETENTION).decide(namespace, stream(3), T0))
        assert bare(index.decide(namespace, stream(3), T0)) == expected


def test_a_full_server_is_unreachable_until_it_has_room(own_server: tuple[str, ExitStack], namespace: str) -> None:
    """Under noeviction a full memory means try again; with more memory the same batch is decided, and only once."""
    url, _ = own_server
    with connected(url) as client:
        index = index_on(client)
        index.decide(namespace, stream(3, 30), T0)
        before = sorted(keys_of(client, namespace))
        client.config_set("maxmemory", 1)
        with pytest.raises(Unreachable, match="maxmemory"):
            index.decide(namespace, stream(6), T0)
        with pytest.raises(Unreachable, match="maxmemory"):
            index.prepare("another")
        assert sorted(keys_of(client, namespace)) == before
        client.config_set("maxmemory", 0)
        expected = bare(MemoryIndex(rule=RULE, retention=RETENTION).decide(namespace, stream(6), T0))
        assert bare(index.decide(namespace, stream(6), T0)) == expected


def test_a_fragment_of_zeros_is_no_padding(client: redis.Redis, namespace: str) -> None:
    """Shards end in zeros; rows whose fragment is zero find their own entries there, and nothing else."""
    index = index_on(client)
    first, copy = article("a", text_of(1, 2, 3)), article("b", edited(text_of(1, 2, 3), 5))
    founder, variant = (index.decide(namespace, [with_rows_of_zeros(each)], T0)[0] for each in (first, copy))
    assert (variant.type, variant.story_id) == (EventType.VARIANT, founder.story_id)
    assert (variant.trace.candidates, variant.trace.conflicts) == (1, 0)


def with_rows_of_zeros(fingerprint: Fingerprint) -> Fingerprint:
    signature = fingerprint.signature
    assert signature is not None
    return replace(fingerprint, signature=replace(signature, rows=bytes(len(signature.rows))))
