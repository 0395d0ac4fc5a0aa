"""The keys of an index in Redis: their names, types and expiry, and the errors of a failing Redis."""

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
from reprise.index.redis import script_client
from reprise.index.redis.codec import margin_ms, sweep_arguments
from reprise.index.redis.errors import translate_redis_error
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import meta_key
from reprise.index.redis.scripts import script
from reprise.index.redis.split_pipeline import OrderedConnection, SplitPipeline
from reprise.model import Decision, EventType, Fingerprint
from tests.contract.merging_stories import MERGE_RULE, bridge, merge_articles, story
from tests.contract.notice_pages import page as notice_page
from tests.contract.texts import RULE, edit_words, make_fingerprint, make_text
from tests.support import unavailable, wait_until

pytestmark = pytest.mark.redis

T0 = 1_700_000_000_000
RETENTION = Retention(window_seconds=60, replay_seconds=20)
#: Pattern of each key in reprise/index/redis/keys.py -> type of its value.
KEY_TYPES = {
    r"reprise": b"hash",
    r"[0-9a-f]{6}:r:[0-9]+": b"string",
    r"[0-9a-f]{6}:b:[0-9]+:[0-9]+": b"string",
    r"[0-9a-f]{6}:[avptw]:[0-9]+": b"hash",
    r"(?s)[0-9a-f]{6}:[me]:.{16}": b"string",
}


def connect(url: str, timeout_seconds: float = 5.0) -> redis.Redis:
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        retry=Retry(NoBackoff(), 1),
    )


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with connect(redis_url) as client:
        yield client


def make_index(
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


def article_stream(count: int, first: int = 0) -> list[Fingerprint]:
    """Return articles: a third of them founders, the rest variants, and every tenth a revision of an earlier one."""
    return [
        _article(number - 9 if number % 10 == 9 else number, number % 10 == 9) for number in range(first, first + count)
    ]


def _article(number: int, revised: bool) -> Fingerprint:
    story = number // 3
    text = make_text(10 * story, 10 * story + 1, 10 * story + 2)
    if number % 3 == 1:
        text = edit_words(text, 4)
    elif number % 3 == 2:
        text += f"\n{make_text(10 * story + 5)}"
    return make_fingerprint(f"a{number}", edit_words(text, 9) if revised else text, source=f"s{number % 7}")


def bytes_at(client: redis.Redis, key: bytes) -> bytes:
    """Return the value of a key; b"" if it does not exist."""
    value = client.get(key)
    assert not isinstance(value, str)
    return value or b""


def test_every_key_is_listed_has_the_hash_tag_and_expires(client: redis.Redis, namespace: str) -> None:
    """After 300 articles with revisions, a merge and a notice, every key has the hash tag, a listed type and a TTL."""
    index = make_index(client)
    before = set(client.scan_iter(count=1_000))
    for at in range(0, 300, 50):
        index.decide(namespace, article_stream(50, at), T0 + at)
    index.decide(namespace, [*story(1_000, name="old"), *story(2_000, name="young"), bridge(1_000, 2_000)], T0 + 300)
    index.decide(namespace, [notice_page(number) for number in range(3)], T0 + 300)
    created = set(client.scan_iter(count=1_000)) - before
    assert set(keys_of(client, namespace)) == created
    longest_ms = RETENTION.record_ms + RETENTION.replay_ms + margin_ms(RETENTION)
    seen = set()
    for key in created:
        name = key.decode("latin-1").removeprefix(f"{{{namespace}}}:")
        (kind,) = [kind for kind in KEY_TYPES if re.fullmatch(kind, name)]
        short = re.sub(r"[0-9]+", "", name.split(":", 1)[-1])
        seen.add(short[:2] if short[0] in "me" else short)
        assert client.type(key) == KEY_TYPES[kind], key
        assert 0 < client.pttl(key) <= longest_ms, key
    assert seen == {"reprise", "r:", "b::", "a:", "v:", "p:", "t:", "w:", "m:", "e:"}


def test_hashes_stay_listpacks(client: redis.Redis, namespace: str) -> None:
    """With the expected number of articles, and with four times as many, every shard is a listpack."""
    index = make_index(client)
    for at in range(0, 1_200, 100):
        index.decide(namespace, article_stream(100, at), T0 + at)
        if at in (200, 1_100):
            shards = set(keys_of(client, namespace)) - {meta_key(namespace).encode()}
            hashes = [key for key in shards if client.type(key) == b"hash"]
            assert {client.object("encoding", key) for key in hashes} <= {b"listpack", b"ziplist"}


def test_all_keys_expire_without_traffic(client: redis.Redis, namespace: str) -> None:
    """After the retention a namespace without traffic has no keys."""
    index = make_index(client, retention=Retention(window_seconds=0.5, replay_seconds=0.3))
    seconds, microseconds = client.time()
    index.decide(namespace, article_stream(60), seconds * 1_000 + microseconds // 1_000)
    assert len(keys_of(client, namespace)) > 60
    wait_until(lambda: not keys_of(client, namespace), 10, "an empty namespace")


def test_the_sweep_removes_expired_entries(client: redis.Redis, namespace: str) -> None:
    """Under steady traffic an index has no more entries after ten windows than after two."""
    index = make_index(client)
    sizes = []
    for step in range(100):
        now_ms = T0 + step * RETENTION.window_ms // 10
        index.decide(namespace, article_stream(12, 12 * step), now_ms)
        expire_keys_by(client, namespace, RETENTION.window_ms // 10)
        sizes.append(entries_of(client, namespace))
    peak, late = max(sizes[:20]), max(sizes[20:])
    assert late <= 1.1 * peak
    assert sizes[5] < 0.7 * peak  # the index grows at first, so a constant size means removal


def test_a_sweep_continues_with_the_remaining_shards(client: redis.Redis, namespace: str) -> None:
    """A sweep visits at most its limit. The next one continues, up to one round of all shards."""
    index = make_index(client)
    shards = (RULE.permutations + 5) * index.prepare(namespace)
    keyspace = index.namespaces.open(namespace).keyspace

    def visit(elapsed_ms: float, limit: int) -> int:
        arguments = sweep_arguments(keyspace, T0 + int(elapsed_ms), limit)
        response: list[int] = client.eval(script("sweep").text, 1, meta_key(namespace), *arguments)
        return response[0]

    round_ms = RETENTION.window_ms / 8
    assert visit(0, 64) == 0
    assert [visit(round_ms / 2, shards // 4) for _ in range(3)] == [shards // 4, shards // 4, 0]
    assert visit(10 * round_ms, shards) == shards
    assert visit(10 * round_ms, shards) == 0


def expire_keys_by(client: redis.Redis, namespace: str, elapsed_ms: int) -> None:
    """Reduce the TTL of all keys by the time that passed on the clock of the articles."""
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
    make_fingerprint,
    st.integers(0, 3).map(str),
    st.one_of(
        st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True).map(lambda seeds: make_text(*seeds)),
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
@given(article_stream=steps, replay_seconds=st.sampled_from([20, 60, 90]))
def test_expired_keys_are_not_needed(
    redis_url: str, article_stream: list[tuple[int, list[Fingerprint]]], replay_seconds: int
) -> None:
    """If keys expire with the clock of the articles, the decisions equal those of the memory index, which keeps all."""
    retention = Retention(window_seconds=60, replay_seconds=replay_seconds)
    with connect(redis_url) as client:
        for key in keys_of(client, "expiring"):
            client.delete(key)
        real = make_index(client, retention=retention, rule=SMALL, expected_articles=50)
        reference = MemoryIndex(rule=SMALL, retention=retention)
        now_ms = T0
        for pause_ms, batch in article_stream:
            now_ms += pause_ms
            expire_keys_by(client, "expiring", pause_ms)
            assert event_fields(real.decide("expiring", batch, now_ms)) == event_fields(
                reference.decide("expiring", batch, now_ms)
            )


@settings(max_examples=60, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    article_stream=st.lists(
        st.tuples(st.sampled_from([1, 19_000, 40_000, 59_000]), st.lists(merge_articles, min_size=2, max_size=6)),
        min_size=3,
        max_size=8,
    )
)
def test_expired_keys_are_not_needed_after_merges(
    redis_url: str, article_stream: list[tuple[int, list[Fingerprint]]]
) -> None:
    """The same with merges: the entry of a merged story outlives every article that was recorded for that story."""
    with connect(redis_url) as client:
        for key in keys_of(client, "expiring"):
            client.delete(key)
        real = make_index(client, rule=MERGE_RULE, expected_articles=50)
        reference = MemoryIndex(rule=MERGE_RULE, retention=RETENTION)
        now_ms = T0
        for pause_ms, batch in article_stream:
            now_ms += pause_ms
            expire_keys_by(client, "expiring", pause_ms)
            assert event_fields(real.decide("expiring", batch, now_ms)) == event_fields(
                reference.decide("expiring", batch, now_ms)
            )


def test_a_match_renews_the_entry_of_a_merged_story(client: redis.Redis, namespace: str) -> None:
    """It gets its whole time to live again, and leads to the root in one step, however the stories were merged."""
    index = make_index(client)
    first = [index.decide(namespace, story(number, name=str(number)), T0)[0] for number in (100, 200, 300)]
    old, young, youngest = (decision.story_id for decision in first)
    index.decide(namespace, [bridge(200, 300)], T0)
    index.decide(namespace, [bridge(100, 200, name="other")], T0)
    keys: list[bytes] = list(client.scan_iter(match=f"{{{namespace}}}:*:m:*", count=1_000))
    entries = {key[-16:].hex(): key for key in keys}
    assert entries.keys() == {young, youngest}
    values = {story_id: bytes_at(client, key) for story_id, key in entries.items()}
    assert [values[each][-16:].hex() for each in (young, youngest)] == [old, young]
    for key in entries.values():
        client.pexpire(key, 10_000)
    (decision,) = index.decide(namespace, [replace(story(300, name="300")[0], article_id="copy")], T0 + 1)
    assert decision.story_id == old
    assert bytes_at(client, entries[youngest])[-16:].hex() == old
    assert client.pttl(entries[youngest]) > RETENTION.record_ms
    assert client.pttl(entries[young]) <= 10_000


@pytest.mark.parametrize("exact", [False, True], ids=["near", "exact"])
def test_copies_extend_the_retention_of_a_story(client: redis.Redis, namespace: str, exact: bool) -> None:
    """Copies that are not indexed renew the buckets of their story, so that partial variants still find it."""
    index = make_index(client)
    text = make_text(1, 2, 3, 4)
    (founder,) = index.decide(namespace, [make_fingerprint("a", text)], T0)
    for step in range(1, 6):
        expire_keys_by(client, namespace, 40_000)
        copy = make_fingerprint(f"c{step}", text if exact else edit_words(text, 6 + step))
        (decision,) = index.decide(namespace, [copy], T0 + 40_000 * step)
        assert (decision.story_id, decision.trace.indexed) == (founder.story_id, False)
    (variant,) = index.decide(namespace, [make_fingerprint("v", f"{make_text(1, 2, 3)}\n{make_text(9)}")], T0 + 200_001)
    assert variant.story_id == founder.story_id


def test_a_superseded_decision_outlives_its_window(client: redis.Redis, namespace: str) -> None:
    """A superseded decision is replayed during the whole replay retention after its revision."""
    index = make_index(client)
    first, second = make_fingerprint("a", make_text(1, 2, 3)), make_fingerprint("a", make_text(7, 8, 9))
    (decided,) = index.decide(namespace, [first], T0)
    expire_keys_by(client, namespace, 59_000)
    index.decide(namespace, [second], T0 + 59_000)
    expire_keys_by(client, namespace, 19_000)
    (again,) = index.decide(namespace, [first], T0 + 78_000)
    assert again.trace.replayed
    assert (again.type, again.story_id, again.decided_at_ms) == (decided.type, decided.story_id, T0)


@pytest.mark.parametrize(
    "reply",
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
        "Lua script attempted to access a non local key in a cluster node",  # Redis 6.2, within an error of a script
        "Script attempted to access a non local key in a cluster node",
        "Attempted to access a non local key in a cluster node",  # Valkey 9
        "Script attempted to execute a write command while the cluster is down and readonly",
        "NOAUTH Authentication required.",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "NOPERM this user has no permissions to run the 'evalsha' command",
    ],
    ids=lambda reply: reply.split()[0],
)
def test_temporary_errors_are_unreachable(client: redis.Redis, reply: str) -> None:
    """Every error reply of a temporary condition is translated to Unreachable, which the pipeline retries."""
    with pytest.raises(redis.RedisError) as raised:
        client.eval("return redis.error_reply(ARGV[1])", 0, reply)
    assert isinstance(translate_redis_error(raised.value), Unreachable)


def test_other_errors_are_fatal(client: redis.Redis) -> None:
    """A permanent error is translated to Fatal."""
    with pytest.raises(redis.RedisError) as raised:
        client.eval("return redis.error_reply(ARGV[1])", 0, "WRONGTYPE Operation against a key of the wrong kind")
    assert isinstance(translate_redis_error(raised.value), Fatal)


def event_fields(decisions: Sequence[Decision]) -> list[tuple[object, ...]]:
    return [
        (each.type, each.story_id, each.kind, each.similarity, each.decided_at_ms, each.merges) for each in decisions
    ]


def test_flushed_scripts_are_loaded_again(client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decisions are the same after a SCRIPT FLUSH between two batches or within one."""
    batch = article_stream(9)
    expected = event_fields(MemoryIndex(rule=RULE, retention=RETENTION).decide(namespace, batch, T0))
    index = make_index(client)
    index.decide(namespace, article_stream(3, 300), T0)
    client.script_flush()
    assert event_fields(index.decide(namespace, batch, T0)) == expected
    other = make_index(client)
    expected = event_fields(MemoryIndex(rule=RULE, retention=RETENTION).decide(f"{namespace}-b", batch, T0))
    sent: list[int] = []

    class FlushOnce(SplitPipeline):
        """A pipeline with a SCRIPT FLUSH in the middle of the first batch."""

        def __init__(self, to: OrderedConnection, commands: Sequence[tuple[Any, ...]]) -> None:
            self.flush = [("SCRIPT", "FLUSH")] * (not sent and len(commands) > 4)
            sent.append(len(commands))
            super().__init__(to, [*commands[:4], *self.flush, *commands[4:]])

        def receive(self) -> list[Any]:
            replies = super().receive()
            return [*replies[:4], *replies[4 + len(self.flush) :]]

    monkeypatch.setattr(script_client, "SplitPipeline", FlushOnce)
    assert event_fields(other.decide(f"{namespace}-b", batch, T0)) == expected
    assert sent[:2] == [9, 9], "nine lookups, twice: the second time the scripts are loaded"


def test_a_server_that_always_loses_its_scripts_is_unreachable(
    client: redis.Redis, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is sent three times at most, and all connections return to the pool."""
    index = make_index(client)
    index.prepare(namespace)
    sent: list[int] = []

    class UnknownScripts(SplitPipeline):
        def __init__(self, to: OrderedConnection, commands: Sequence[tuple[Any, ...]]) -> None:
            sent.append(len(commands))
            super().__init__(to, [("EVALSHA", "0" * 40, 0)] * len(commands))

    monkeypatch.setattr(script_client, "SplitPipeline", UnknownScripts)
    with pytest.raises(Unreachable, match="as soon as they are loaded"):
        index.decide(namespace, article_stream(9), T0)
    assert sent == [9] * 3, "nine lookups, three times"
    index.submit(namespace, article_stream(9), T0).cancel()
    assert not client.connection_pool._in_use_connections


def test_a_deleted_namespace_is_created_again(client: redis.Redis, namespace: str) -> None:
    """After the deletion of all keys, an index continues without its stories and without an error."""
    index = make_index(client)
    (first,) = index.decide(namespace, [make_fingerprint("a", make_text(1, 2))], T0)
    client.delete(*keys_of(client, namespace))
    (again,) = index.decide(namespace, [make_fingerprint("b", make_text(1, 2))], T0 + 1)
    assert again.type is EventType.NEW
    assert again.story_id != first.story_id


def test_articles_with_deleted_records_are_decided_again(client: redis.Redis, namespace: str) -> None:
    """Missing representatives, for example after an eviction, are no error."""
    index = make_index(client)
    batch = article_stream(12)
    index.decide(namespace, batch, T0)
    client.delete(*[key for key in keys_of(client, namespace) if b":r:" in key])
    again = index.decide(namespace, batch, T0 + 1)
    assert not any(decision.trace.replayed for decision in again)
    assert again[0].type is EventType.NEW


@pytest.mark.parametrize("other", [Rule(permutations=RULE.permutations + 8), Rule(sketch_size=128)])
def test_other_parameters_are_refused(client: redis.Redis, namespace: str, other: Rule) -> None:
    """A worker with other signatures refuses the index and does not change it. The error has both parameters."""
    index = make_index(client)
    batch = article_stream(3)
    first = event_fields(index.decide(namespace, batch, T0))
    with pytest.raises(IndexMismatch) as refused:
        make_index(client, rule=other).decide(namespace, batch, T0)
    message = str(refused.value)
    assert namespace in message
    assert f"permutations={other.permutations} sketch={other.sketch_size}" in message
    assert f"permutations={RULE.permutations} sketch={RULE.sketch_size}" in message
    assert "REPRISE_INDEX_GENERATION" in message
    assert "\n" not in message
    assert event_fields(index.decide(namespace, batch, T0)) == first


def test_thresholds_and_size_may_differ_between_workers(client: redis.Redis, namespace: str) -> None:
    """Only the parameters of signatures have to be equal. The number of shards is that of the index's creation."""
    assert make_index(client, expected_articles=10_000).prepare(namespace) == 128
    stricter = make_index(client, rule=Rule(near_similarity=0.9), expected_articles=100)
    assert stricter.prepare(namespace) == 128
    assert stricter.decide(namespace, article_stream(3), T0)[0].type is EventType.NEW


def test_one_of_several_workers_announces_the_story(redis_url: str, namespace: str) -> None:
    """Eight workers that get copies of a new text at the same time announce the story once."""
    workers, rounds = 8, 10
    barrier = threading.Barrier(workers, timeout=30)
    texts = [make_text(10 * number, 10 * number + 1, 10 * number + 2) for number in range(rounds)]

    def work(worker: int) -> list[Decision]:
        with connect(redis_url) as worker_client:
            index = make_index(worker_client)
            decisions: list[Decision] = []
            for number, text in enumerate(texts):
                copy = text if worker % 2 else edit_words(text, 3 + worker)
                fingerprint = make_fingerprint(f"w{worker}-{number}", copy, source=f"s{worker}")
                barrier.wait()
                decisions += index.decide(namespace, [fingerprint], T0)
            return decisions

    with ThreadPoolExecutor(workers) as pool:
        decisions_by_worker = list(pool.map(work, range(workers)))
    for decisions in zip(*decisions_by_worker, strict=True):
        assert [decision.type for decision in decisions].count(EventType.NEW) == 1
        assert len({decision.story_id for decision in decisions}) == 1
    assert len({decision.story_id for decision in decisions_by_worker[0]}) == rounds


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[tuple[str, ExitStack]]:
    """Yield the URL of a server of one test. Closing the stack stops the server."""
    with ExitStack() as stack:
        try:
            service = stack.enter_context(local_redis(StackKind.EMBEDDED, tmp_path))
        except StackUnavailable as error:
            unavailable("stack", str(error))
        yield service.address, stack


def test_a_stopped_server_is_unreachable(own_server: tuple[str, ExitStack], namespace: str) -> None:
    """Every call to a stopped server raises Unreachable."""
    url, stack = own_server
    with connect(url) as client:
        index = make_index(client)
        index.decide(namespace, article_stream(3), T0)
        stack.close()
        for _ in range(2):
            with pytest.raises(Unreachable, match="redis"):
                index.decide(namespace, article_stream(3), T0)
        with pytest.raises(Unreachable, match="redis"):
            index.prepare("another")
        with pytest.raises(Unreachable, match="redis"):
            index.size(namespace)


def test_a_frozen_server_is_unreachable_until_it_resumes(own_server: tuple[str, ExitStack], namespace: str) -> None:
    """After the server resumes, the same batch has the decisions of the first attempt."""
    url, _ = own_server
    with connect(url, timeout_seconds=0.3) as client:
        index = make_index(client)
        index.decide(namespace, article_stream(3, 30), T0)
        server = int(client.info("server")["process_id"])
        os.kill(server, signal.SIGSTOP)
        try:
            with pytest.raises(Unreachable, match="redis"):
                index.decide(namespace, article_stream(3), T0)
        finally:
            os.kill(server, signal.SIGCONT)
        expected = event_fields(MemoryIndex(rule=RULE, retention=RETENTION).decide(namespace, article_stream(3), T0))
        assert event_fields(index.decide(namespace, article_stream(3), T0)) == expected


def test_a_full_server_is_unreachable_until_it_has_memory(own_server: tuple[str, ExitStack], namespace: str) -> None:
    """With more memory the same batch is decided once. Nothing was written before."""
    url, _ = own_server
    with connect(url) as client:
        index = make_index(client)
        index.decide(namespace, article_stream(3, 30), T0)
        before = sorted(keys_of(client, namespace))
        client.config_set("maxmemory", 1)
        with pytest.raises(Unreachable, match="maxmemory"):
            index.decide(namespace, article_stream(6), T0)
        with pytest.raises(Unreachable, match="maxmemory"):
            index.prepare("another")
        assert sorted(keys_of(client, namespace)) == before
        client.config_set("maxmemory", 0)
        expected = event_fields(MemoryIndex(rule=RULE, retention=RETENTION).decide(namespace, article_stream(6), T0))
        assert event_fields(index.decide(namespace, article_stream(6), T0)) == expected


def test_a_fragment_of_zeros_is_no_padding(client: redis.Redis, namespace: str) -> None:
    """Rows with a fragment of zeros find their own entries only, although shards end with zeros."""
    index = make_index(client)
    first, copy = make_fingerprint("a", make_text(1, 2, 3)), make_fingerprint("b", edit_words(make_text(1, 2, 3), 5))
    founder, variant = (
        index.decide(namespace, [with_rows_of_zeros(fingerprint)], T0)[0] for fingerprint in (first, copy)
    )
    assert (variant.type, variant.story_id) == (EventType.VARIANT, founder.story_id)
    assert (variant.trace.candidates, variant.trace.conflicts) == (1, 0)


def with_rows_of_zeros(fingerprint: Fingerprint) -> Fingerprint:
    signature = fingerprint.signature
    assert signature is not None
    return replace(fingerprint, signature=replace(signature, rows=bytes(len(signature.rows))))
