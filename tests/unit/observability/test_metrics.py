from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from reprise.errors import Unreachable
from reprise.model import (
    Article,
    DeadLetterReason,
    Decision,
    Dependency,
    EventType,
    InputField,
    InputGuess,
    Kind,
    MemoryUsage,
    Message,
    OutageKind,
    Rejection,
    StoryMerge,
    Trace,
)
from reprise.observability.collectors import REDIS_QUERY_INTERVAL_SECONDS, find_fullest_server
from reprise.observability.metrics import MAX_SOURCES, Metrics
from tests.fake_clock import FakeClock

GOLDEN = Path(__file__).parent / "golden" / "metrics.txt"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(1_000.0)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry, clock: FakeClock) -> Metrics:
    return Metrics(registry, monotonic=clock, clock=clock)


def make_decision(type_: EventType = EventType.NEW, kind: Kind | None = None, **trace: Any) -> Decision:
    return Decision(type=type_, story_id="s", decided_at_ms=0, kind=kind, trace=Trace(**trace))


def make_message(timestamp_ms: int | None) -> Message:
    return Message(topic="articles.raw", partition=0, offset=0, key=None, value=b"{}", timestamp_ms=timestamp_ms)


def exposition(registry: CollectorRegistry, metrics: Metrics) -> str:
    metrics.export_lag(lambda: {("articles.raw", 3): 7})
    metrics.export_index_size(lambda _: 41, ["n"])
    metrics.export_redis_memory(lambda: MemoryUsage(used_bytes=80, max_bytes=100))
    metrics.set_topic_retention("articles.raw", 604_800)
    metrics.set_worker_info(
        group_id="g", namespace="n", delivery="at_least_once", settings_hash="0a1b", expected_articles=500
    )
    return generate_latest(registry).decode()


def test_ignored_and_guessed_fields_are_counted(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Each by its name; a field that was never ignored has the value 0."""
    ignored = (InputField.TITLE, InputField.LANG)
    articles = [
        Article(article_id="a", text="t", ignored=ignored, guesses=(InputGuess.MARKUP_IN_TEXT,)),
        Article(article_id="b", text="t", ignored=ignored[:1]),
    ]
    metrics.decoded(articles)
    fields = {
        field: registry.get_sample_value("reprise_ignored_fields_total", {"field": field}) for field in InputField
    }
    assert fields == dict.fromkeys(InputField, 0) | {"title": 2, "lang": 1}
    guesses = {
        guess: registry.get_sample_value("reprise_input_guesses_total", {"guess": guess}) for guess in InputGuess
    }
    assert guesses == dict.fromkeys(InputGuess, 0) | {"markup_in_text": 1}


def test_names_help_and_types_are_those_of_the_golden_file(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Dashboards and alerts of operators depend on the names, so that a change must be made in the golden file, too."""
    lines = exposition(registry, metrics).splitlines()
    declared = [line for line in lines if line.startswith(("# HELP reprise_", "# TYPE reprise_"))]
    assert "\n".join(declared) + "\n" == GOLDEN.read_text()


def test_every_series_starts_at_zero(registry: CollectorRegistry, metrics: Metrics) -> None:
    """rate() sees the first dead letter only if its series existed before."""
    for reason in DeadLetterReason:
        assert registry.get_sample_value("reprise_dead_letters_total", {"reason": reason}) == 0
    for kind in Kind:
        assert registry.get_sample_value("reprise_variants_total", {"kind": kind}) == 0
    for outcome in ("new", "variant", "replayed", "dead", "skipped"):
        assert registry.get_sample_value("reprise_articles_total", {"outcome": outcome}) == 0
    for dependency in ("redis", "kafka"):
        assert registry.get_sample_value("reprise_dependency_up", {"dependency": dependency}) == 0


def test_decisions_are_counted_by_outcome_and_kind(registry: CollectorRegistry, metrics: Metrics) -> None:
    """A replayed variant counts as replayed only."""
    metrics.decided(
        [
            make_decision(indexed=True),
            make_decision(EventType.VARIANT, Kind.NEAR, stop_bands=2, full_buckets=1, conflicts=3),
            make_decision(EventType.VARIANT, Kind.NEAR, replayed=True),
        ],
        0.02,
        0.05,
    )
    metrics.dead_lettered(make_message(1), Rejection(reason=DeadLetterReason.NOT_JSON, detail=""))
    metrics.skipped()
    value = registry.get_sample_value
    for outcome in ("new", "variant", "replayed", "dead", "skipped"):
        assert value("reprise_articles_total", {"outcome": outcome}) == 1
    assert value("reprise_variants_total", {"kind": "near"}) == 1
    assert value("reprise_dead_letters_total", {"reason": "not_json"}) == 1
    assert value("reprise_indexed_articles_total") == 1
    assert value("reprise_stop_bands_total") == 2
    assert value("reprise_full_buckets_total") == 1
    assert value("reprise_conflicts_total") == 3


def test_pages_without_an_article_are_counted_by_source(registry: CollectorRegistry, metrics: Metrics) -> None:
    """They have an outcome of their own. Sources beyond the maximum share a label."""
    rejection = Rejection(reason=DeadLetterReason.NO_ARTICLE, detail="", source="paper.example")
    metrics.decided([replace(make_decision(), is_article=False)], 0.02, 0.05)
    metrics.dead_lettered(make_message(1), rejection)
    metrics.dead_lettered(make_message(1), replace(rejection, source=None))
    value = registry.get_sample_value
    assert value("reprise_articles_total", {"outcome": "no_article"}) == 1
    assert value("reprise_articles_total", {"outcome": "new"}) == 0
    assert value("reprise_articles_total", {"outcome": "dead"}) == 0
    assert value("reprise_dead_letters_total", {"reason": "no_article"}) == 2
    for source in ("paper.example", "unknown"):
        assert value("reprise_no_article_total", {"source": source}) == 1
    for number in range(MAX_SOURCES):
        metrics.dead_lettered(make_message(1), replace(rejection, source=f"{number}.example"))
    metrics.dead_lettered(make_message(1), rejection)
    assert value("reprise_no_article_total", {"source": "other"}) == 2
    assert value("reprise_no_article_total", {"source": "paper.example"}) == 2


def test_merges_are_counted_once(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Each story that a decision merged is counted, but not again if the decision is replayed."""
    merges = tuple(StoryMerge(story_id=name, into="s", sources=3, representatives=3) for name in ("a", "b"))
    first = replace(make_decision(EventType.VARIANT, Kind.PARTIAL), merges=merges)
    metrics.decided([first, replace(first, trace=Trace(replayed=True))], 0, 0)
    assert registry.get_sample_value("reprise_merges_total") == 2


def test_durations_are_in_seconds(registry: CollectorRegistry, metrics: Metrics, clock: FakeClock) -> None:
    """The durations of a batch are arguments; the end-to-end time starts at the message's timestamp."""
    metrics.polled(2)
    metrics.polled(0)  # an empty poll is no batch
    clock.now += 0.5
    metrics.fingerprinted(2, 0.125)
    metrics.decided([make_decision()], 0.25, 0.5)
    clock.now += 2.0
    metrics.delivered([make_message(999_000), make_message(None), make_message(2_000_000)])
    value = registry.get_sample_value
    assert value("reprise_fingerprint_seconds_sum") == 0.125
    assert value("reprise_redis_seconds_sum") == 0.25
    assert value("reprise_decision_seconds_sum") == 0.5
    assert value("reprise_end_to_end_seconds_count") == 2
    assert value("reprise_end_to_end_seconds_sum") == pytest.approx(3.5)
    assert value("reprise_batch_articles_count") == 1
    assert value("reprise_batch_articles_sum") == 2


def test_the_dependency_gauge_follows_outages(registry: CollectorRegistry, metrics: Metrics) -> None:
    """It is 0 during an outage and 1 after it. Rebalances are counted."""

    def fail(dependency: Dependency) -> None:
        metrics.unreachable(dependency, "refused")

    for record, expected in ((metrics.reachable, 1), (fail, 0), (metrics.reachable, 1)):
        record(Dependency.REDIS)
        assert registry.get_sample_value("reprise_dependency_up", {"dependency": "redis"}) == expected
    metrics.count_rebalance()
    assert registry.get_sample_value("reprise_rebalances_total") == 1


def test_lag_in_seconds_is_the_age_of_the_latest_delivered_message(
    registry: CollectorRegistry, metrics: Metrics, clock: FakeClock
) -> None:
    """It is 0 without a lag, and unknown before the first delivery and after a partition has come back."""
    name, labels = "reprise_consumer_lag_seconds", {"topic": "articles.raw", "partition": "0"}
    lag = {("articles.raw", 0): 5}
    metrics.export_lag(lambda: lag)
    assert registry.get_sample_value(name, labels) is None
    metrics.delivered([make_message(round(clock.now * 1000) - 90_000)])
    clock.now += 10
    assert registry.get_sample_value(name, labels) == pytest.approx(100)
    lag["articles.raw", 0] = 0
    assert registry.get_sample_value(name, labels) == 0
    lag.clear()
    assert registry.get_sample_value(name, labels) is None
    lag["articles.raw", 0] = 5
    assert registry.get_sample_value(name, labels) is None


def test_skipped_offsets_are_counted(registry: CollectorRegistry, metrics: Metrics) -> None:
    """The counter exists before the first loss, so that its first increase is seen."""
    assert registry.get_sample_value("reprise_skipped_offsets_total") == 0
    metrics.count_skipped_offsets(300)
    assert registry.get_sample_value("reprise_skipped_offsets_total") == 300


def test_lag_is_read_at_each_scrape(registry: CollectorRegistry, metrics: Metrics) -> None:
    """A revoked partition is missing in the next scrape."""
    lag = {("articles.raw", 0): 5}
    metrics.export_lag(lambda: lag)
    labels = {"topic": "articles.raw", "partition": "0"}
    assert registry.get_sample_value("reprise_consumer_lag", labels) == 5
    lag.clear()
    assert registry.get_sample_value("reprise_consumer_lag", labels) is None


def test_the_index_size_is_queried_once_in_an_interval(
    registry: CollectorRegistry, metrics: Metrics, clock: FakeClock
) -> None:
    """More scrapes return the same value."""
    queried: list[float] = []

    def size(_: str) -> int:
        queried.append(clock.now)
        return len(queried)

    metrics.export_index_size(size, ["n"])
    for _ in range(3):
        assert registry.get_sample_value("reprise_index_articles", {"index_namespace": "n"}) == 1
    clock.now += REDIS_QUERY_INTERVAL_SECONDS
    assert registry.get_sample_value("reprise_index_articles", {"index_namespace": "n"}) == 2


def test_each_namespace_has_its_own_size(registry: CollectorRegistry, metrics: Metrics) -> None:
    """A namespace whose query fails is left out."""
    held = {"news": 1, "news-fr": 2}

    def size(namespace: str) -> int:
        if namespace not in held:
            raise Unreachable("no answer")
        return held[namespace]

    names = ["news", "news-fr", "news-de"]
    metrics.export_index_size(size, names)
    assert [registry.get_sample_value("reprise_index_articles", {"index_namespace": name}) for name in names] == [
        1,
        2,
        None,
    ]


def test_many_namespaces_cause_no_more_queries_than_one(
    registry: CollectorRegistry, metrics: Metrics, clock: FakeClock
) -> None:
    """On average Redis gets one query in an interval, whatever the number of namespaces."""
    queried: list[str] = []

    def size(namespace: str) -> int:
        queried.append(namespace)
        return 0

    metrics.export_index_size(size, ["a", "b", "c"])
    for _ in range(30):
        generate_latest(registry)
        clock.now += REDIS_QUERY_INTERVAL_SECONDS
    assert queried == ["a", "b", "c"] * 10


def test_the_first_failure_ends_the_queries_of_a_scrape(registry: CollectorRegistry, metrics: Metrics) -> None:
    """A scrape waits for one timeout at most. The next scrape continues with the next namespace."""
    queried: list[str] = []

    def size(namespace: str) -> int:
        queried.append(namespace)
        if namespace != "c":
            raise Unreachable("timed out")
        return 3

    metrics.export_index_size(size, ["a", "b", "c"])
    for expected in (["a"], ["a", "b"], ["a", "b", "c"]):
        held = registry.get_sample_value("reprise_index_articles", {"index_namespace": "c"})
        assert queried == expected
    assert held == 3


def test_a_scrape_succeeds_without_redis(registry: CollectorRegistry, metrics: Metrics) -> None:
    """The gauge of the index is missing, all other metrics are served."""

    def fail(_: str) -> int:
        raise Unreachable("redis does not answer")

    metrics.export_index_size(fail, ["n"])
    assert registry.get_sample_value("reprise_index_articles", {"index_namespace": "n"}) is None
    assert b"reprise_articles_total" in generate_latest(registry)


def test_memory_has_usage_and_limit(registry: CollectorRegistry, metrics: Metrics) -> None:
    """An alert divides the two gauges."""
    metrics.export_redis_memory(lambda: MemoryUsage(used_bytes=80, max_bytes=100))
    assert registry.get_sample_value("reprise_redis_memory_used_bytes") == 80
    assert registry.get_sample_value("reprise_redis_memory_max_bytes") == 100


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        ([(80, 100), (900, 1000)], (900, 1000)),
        ([(99, 100), (900, 1000)], (99, 100)),
        ([(5000, 0), (1, 1000)], (1, 1000)),
        ([(80, 0), (90, 0)], (90, 0)),
    ],
)
def test_the_fullest_server_is_nearest_to_its_limit(servers: list[tuple[int, int]], expected: tuple[int, int]) -> None:
    """Of servers, each (used, limit). A limit of 0 means none; without any limit the largest usage counts."""
    fullest = find_fullest_server(MemoryUsage(used_bytes=used, max_bytes=limit) for used, limit in servers)
    assert (fullest.used_bytes, fullest.max_bytes) == expected


def test_worker_info_has_group_namespace_and_delivery(registry: CollectorRegistry, metrics: Metrics) -> None:
    """They are labels of one series. The expected size of the index is a gauge."""
    metrics.set_worker_info(
        group_id="g", namespace="n", delivery="at_least_once", settings_hash="0a1b", expected_articles=500
    )
    labels = {"group_id": "g", "index_namespace": "n", "delivery": "at_least_once", "settings_hash": "0a1b"}
    assert registry.get_sample_value("reprise_worker_info", labels) == 1
    assert registry.get_sample_value("reprise_index_expected_articles") == 500


def test_last_poll_and_circuit_are_exported(registry: CollectorRegistry, metrics: Metrics, clock: FakeClock) -> None:
    """An empty poll counts, too."""
    assert registry.get_sample_value("reprise_last_poll_timestamp_seconds") == 0
    metrics.polled(0)
    assert registry.get_sample_value("reprise_last_poll_timestamp_seconds") == clock.now
    assert registry.get_sample_value("reprise_circuit_open") == 0
    metrics.set_circuit_open({DeadLetterReason.NO_TEXT: 100})
    assert registry.get_sample_value("reprise_circuit_open") == 1
    assert registry.get_sample_value("reprise_circuit_rejected_messages", {"reason": "no_text"}) == 100
    assert registry.get_sample_value("reprise_circuit_rejected_messages", {"reason": "not_json"}) == 0


def test_registries_are_independent() -> None:
    """Two workers in one process count separately."""
    one, two = CollectorRegistry(), CollectorRegistry()
    Metrics(one).skipped()
    Metrics(two)
    assert one.get_sample_value("reprise_articles_total", {"outcome": "skipped"}) == 1
    assert two.get_sample_value("reprise_articles_total", {"outcome": "skipped"}) == 0


def test_an_outage_has_its_kind(registry: CollectorRegistry, metrics: Metrics) -> None:
    """Every series begins at 0, and the end of the outage sets it back."""
    labels = {"dependency": "redis", "reason": "refuses_writes"}
    assert registry.get_sample_value("reprise_dependency_failing", labels) == 0
    metrics.unreachable(Dependency.REDIS, "OOM", OutageKind.REFUSES_WRITES)
    assert registry.get_sample_value("reprise_dependency_failing", labels) == 1
    assert registry.get_sample_value("reprise_dependency_failing", {**labels, "reason": "unreachable"}) == 0
    metrics.reachable(Dependency.REDIS)
    assert registry.get_sample_value("reprise_dependency_failing", labels) == 0


def test_rebalances_have_a_duration(registry: CollectorRegistry, metrics: Metrics) -> None:
    """It is observed once a rebalance is over."""
    metrics.rebalanced(3.9)
    assert registry.get_sample_value("reprise_rebalance_seconds_sum") == 3.9
    assert registry.get_sample_value("reprise_rebalance_seconds_bucket", {"le": "5.0"}) == 1
    assert registry.get_sample_value("reprise_rebalance_seconds_bucket", {"le": "2.5"}) == 0
