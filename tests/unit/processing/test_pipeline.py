"""The loop of the pipeline: its steps, outages of each step, and the shutdown."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.bootstrap import article_processor
from reprise.errors import BadMessage, CircuitOpen, Fatal, SkippedMessage, Unreachable
from reprise.model import (
    Article,
    CorruptRecord,
    DeadLetterReason,
    Decision,
    Dependency,
    EventType,
    Fingerprint,
    Message,
    OutageKind,
    OutputRecord,
    Rejection,
)
from reprise.observability.observers import NullObserver
from reprise.processing.at_least_once import AtLeastOnce
from reprise.processing.circuit_breaker import CircuitLimits
from reprise.processing.pipeline import Pipeline
from reprise.processing.ports import PendingDecisions
from reprise.processing.processor import ArticleProcessor
from reprise.processing.retry import Retrier, RetryTimeouts
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from tests.contract.memory_broker import MemoryBroker, MemorySink, MemorySource
from tests.fake_clock import FakeClock

ARTICLES, EVENTS, DEAD = "articles", "events", "dead"

#: Start of the ids of pages that show a notice in place of an article, and the story of their decisions.
NOTICE = "notice"

TIMEOUTS = RetryTimeouts(poll_timeout_seconds=1.0, drain_timeout_seconds=45.0, attempt_timeout_seconds=30.0)


class FakeProcessor(ArticleProcessor):
    """A processor whose articles are the values of messages. The value `NAME:N` has an event that is N bytes longer."""

    def decode(self, message: Message) -> Article:
        assert message.value is not None
        if message.value == b"undecodable":
            raise RecursionError("the secret text")
        if message.value.startswith(b"bad"):
            raise BadMessage(DeadLetterReason.NOT_JSON, "no JSON")
        if message.value == b"skipped":
            raise SkippedMessage("the deletion of a row")
        return Article(article_id=message.value.decode(), text="")

    def fingerprint(self, article: Article) -> Fingerprint:
        if article.article_id == "unfingerprintable":
            raise MemoryError("the secret text")
        return Fingerprint(article_id=article.article_id, content_hash=b"", namespace="n")

    def fingerprint_batch(self, articles: Sequence[Article]) -> Sequence[Fingerprint]:
        return [self.fingerprint(article) for article in articles]

    def event(self, article: Article, fingerprint: Fingerprint, decision: Decision, message: Message) -> OutputRecord:
        size = int(article.article_id.partition(":")[2] or 0)
        body = f"{article.article_id} {decision.story_id}".encode() + b"." * size
        return OutputRecord(topic=EVENTS, key=article.article_id.encode(), value=body, headers=())

    def dead_letter(self, message: Message | CorruptRecord, rejection: Rejection, now: float) -> OutputRecord:
        value = message.value if isinstance(message, Message) else None
        return replace(self.dead_letter_notice(message, rejection, now), value=value)

    def dead_letter_notice(self, message: Message | CorruptRecord, rejection: Rejection, now: float) -> OutputRecord:
        headers = (("why", rejection.reason.encode()), ("detail", rejection.detail.encode()))
        return OutputRecord(
            topic=DEAD, key=str(message.offset).encode(), value=None, headers=headers, rejection=rejection
        )


def fake_processor(kind: type[FakeProcessor] = FakeProcessor) -> FakeProcessor:
    real = article_processor(load({}))
    return kind(**{field_.name: getattr(real, field_.name) for field_ in fields(real)})


@dataclass
class Faults:
    """The number of failing calls of each step, and a record of all calls in order."""

    left: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    kind: OutageKind = OutageKind.UNREACHABLE

    def call(self, step: str) -> None:
        self.calls.append(step)
        if self.left.get(step, 0) > 0:
            self.left[step] -= 1
            raise Unreachable(f"{step} is away", self.kind)


@dataclass
class FaultySource(MemorySource):
    faults: Faults = field(default_factory=Faults)
    timeouts: list[float] = field(default_factory=list)

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        self.faults.call("poll")
        self.timeouts.append(timeout_seconds)
        return super().poll(timeout_seconds)

    def commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str, timeout_seconds: float) -> None:
        self.faults.call("commit")
        super().commit(messages, offset_metadata, timeout_seconds)

    __hash__ = object.__hash__


@dataclass
class FaultySink(MemorySink):
    faults: Faults = field(default_factory=Faults)

    def send(self, records: Sequence[OutputRecord]) -> Sequence[int]:
        self.faults.call("send")
        return super().send(records)

    def flush(self) -> None:
        # records of a failed flush may be stored
        super().flush()
        self.faults.call("flush")


@dataclass
class FakePending:
    faults: Faults
    stories: Sequence[str]
    now_ms: int

    def begin_commit(self) -> None:
        self.faults.calls.append("begin")

    def result(self) -> Sequence[Decision]:
        self.faults.call("decide")  # the decisions are recorded, and the response is lost
        return [
            Decision(
                type=EventType.NEW,
                story_id=story,
                decided_at_ms=self.now_ms,
                matched_article_id="a",
                is_article=story != NOTICE,
            )
            for story in self.stories
        ]

    def cancel(self) -> None: ...


@dataclass
class FakeIndex:
    """An index with a story for each article, numbered in the order of the articles; pages "notice..." have none."""

    faults: Faults
    stories: dict[str, str] = field(default_factory=dict)

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        self.faults.call("submit")
        for fingerprint in fingerprints:
            is_notice = fingerprint.article_id.startswith(NOTICE)
            story = NOTICE if is_notice else f"{namespace}-{len(self.stories)}"
            self.stories.setdefault(fingerprint.article_id, story)
        stories = [self.stories[fingerprint.article_id] for fingerprint in fingerprints]
        return FakePending(self.faults, stories, now_ms)

    def close(self) -> None: ...


@dataclass
class RecordingObserver(NullObserver):
    """An observer that records all calls, and requests to stop at the end of the input."""

    stop: StopRequest
    records: list[tuple[object, ...]] = field(default_factory=list)
    idle: int = 0

    def polled(self, message_count: int) -> None:
        self.idle = 0 if message_count else self.idle + 1
        if self.idle > 500:
            self.stop.request()

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        self.records.append(("fingerprinted", article_count))

    def unexpected_error(self, error: Exception) -> None:
        self.records.append(("unexpected_error", type(error)))

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        self.records.append(("decided", len(decisions)))

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        self.records.append(("dead_lettered", rejection.reason))

    def skipped(self) -> None:
        self.records.append(("skipped",))

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        self.records.append(("delivered", len(messages)))

    def unreachable(self, dependency: str, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        assert reason
        self.records.append(("unreachable", dependency))

    def reachable(self, dependency: str) -> None:
        self.records.append(("reachable", dependency))

    def of(self, name: str) -> list[tuple[object, ...]]:
        return [entry for entry in self.records if entry[0] == name]


class PipelineRun:
    """A pipeline with a broker in memory whose input topic has one partition with these values."""

    def __init__(
        self,
        *values: bytes | None,
        batch_max: int = 500,
        overlap_min_messages: int = 1,
        limits: CircuitLimits | None = None,
        record_bytes: int = 1000,
        broker: MemoryBroker | None = None,
    ) -> None:
        self.broker = broker or MemoryBroker(max_record_bytes=record_bytes)
        for topic in (ARTICLES, EVENTS, DEAD):
            self.broker.create(topic)
        for value in values:
            self.broker.append(ARTICLES, OutputRecord(topic=ARTICLES, key=b"k", value=value, headers=()))
        self.time, self.faults = FakeClock(), Faults()
        self.stop = StopRequest(monotonic=self.time)
        self.observer = RecordingObserver(self.stop)
        self.source = FaultySource(self.broker, [ARTICLES], batch_max=batch_max, faults=self.faults)
        self.sink = FaultySink(self.broker, faults=self.faults)
        self.index = FakeIndex(self.faults)
        self.pipeline = Pipeline(
            source=self.source,
            index=self.index,
            delivery=AtLeastOnce(self.sink, self.source, flush_timeout_seconds=30.0),
            observer=self.observer,
            processor=fake_processor(),
            stop=self.stop,
            limits=limits or CircuitLimits(max_consecutive=100, max_ratio=0.3),
            clock=lambda: 1.0,
            overlap_min_messages=overlap_min_messages,
            retrier=Retrier(
                source=self.source,
                observer=self.observer,
                stop=self.stop,
                timeouts=TIMEOUTS,
                monotonic=self.time,
                sleep=self.time.sleep,
                jitter=lambda: 1.0,
            ),
        )

    @property
    def events(self) -> list[bytes | None]:
        return [message.value for message in self.broker.messages(EVENTS)]

    @property
    def dead(self) -> list[tuple[bytes | None, bytes | None, str]]:
        letters = self.broker.messages(DEAD)
        return [(letter.key, letter.value, dict(letter.headers)["why"].decode()) for letter in letters]

    @property
    def committed(self) -> int:
        return self.broker.committed.get(("group", (ARTICLES, 0)), 0)


def test_a_batch_is_committed_after_it_is_flushed() -> None:
    """The steps of a batch are in the order that loses nothing. Its events are in the order of its articles."""
    run = PipelineRun(b"a", b"b", b"c")
    assert run.pipeline.run() is True
    assert [step for step in run.faults.calls if step != "poll"] == [
        "submit",
        "begin",
        "decide",
        "send",
        "flush",
        "commit",
    ]
    assert run.events == [b"a n-0", b"b n-1", b"c n-2"]
    assert run.committed == 3
    assert run.observer.records == [("fingerprinted", 3), ("decided", 3), ("delivered", 3)]


def test_a_batch_is_decided_and_another_looked_up_before_the_delivery() -> None:
    """While one batch is delivered and another polled, the index records the second and looks up the third."""
    run = PipelineRun(b"a", b"b", b"c", b"d", batch_max=1)
    assert run.pipeline.run() is True
    delivered = ["send", "flush", "commit"]
    one = ["poll", "submit"]
    two = ["poll", "begin", "submit"]
    each = ["poll", "decide", "begin", "submit", *delivered]
    last_but_one = ["poll", "decide", "begin", *delivered]
    last = ["decide", *delivered, "poll"]
    expected = [*one, *two, *each, *each, *last_but_one, *last]
    assert run.faults.calls[: len(expected)] == expected
    assert run.events == [b"a n-0", b"b n-1", b"c n-2", b"d n-3"]


def test_a_small_batch_is_delivered_before_the_next_poll() -> None:
    """Where few messages wait, an event does not wait for other batches."""
    run = PipelineRun(b"a", b"b", b"c", batch_max=2, overlap_min_messages=2)
    run.pipeline.contention.is_contended = False
    assert run.pipeline.run() is True
    delivered = ["send", "flush", "commit"]
    full = ["poll", "submit"]
    small = ["poll", "begin", "submit", "decide", "begin", *delivered, "decide", *delivered]
    assert run.faults.calls[: len(full + small)] == [*full, *small]
    idle = TIMEOUTS.poll_timeout_seconds
    assert run.source.timeouts[:4] == [idle, 0, 0.02, idle], "the third poll waits while offsets are committed"


def test_without_reading_ahead_there_is_one_batch_at_a_time() -> None:
    """The next batch is polled after the delivery of the previous one."""
    run = PipelineRun(b"a", b"b", batch_max=1)
    run.pipeline.reads_ahead = False
    assert run.pipeline.run() is True
    batch = ["poll", "submit", "begin", "decide", "send", "flush", "commit"]
    assert run.faults.calls[: 2 * len(batch)] == [*batch, *batch]


def test_the_previous_batch_is_delivered_before_the_circuit_opens() -> None:
    """A batch that was read ahead and opens the circuit breaker does not prevent the delivery of the one before."""
    run = PipelineRun(b"a", b"bad1", b"bad2", batch_max=1, limits=CircuitLimits(max_consecutive=1, max_ratio=0.3))
    with pytest.raises(CircuitOpen):
        run.pipeline.run()
    assert run.events == [b"a n-0"]
    assert run.committed == 1


def test_a_malformed_message_becomes_a_dead_letter() -> None:
    """The dead letter has its bytes and the reason. The messages around it have their events."""
    run = PipelineRun(b"a", b"bad", b"b")
    assert run.pipeline.run() is True
    assert run.events == [b"a n-0", b"b n-1"]
    assert run.dead == [(b"1", b"bad", "not_json")]
    assert run.observer.of("dead_lettered") == [("dead_lettered", DeadLetterReason.NOT_JSON)]
    assert run.committed == 3


def test_a_page_without_an_article_becomes_a_dead_letter() -> None:
    """It has no event. It is a decision and no error, so the circuit stays closed."""
    limits = CircuitLimits(max_consecutive=1, max_ratio=0.1, min_samples=1)
    run = PipelineRun(b"a", b"notice1", b"notice2", b"b", limits=limits)
    assert run.pipeline.run() is True
    assert [event.partition(b" ")[0] for event in run.events if event] == [b"a", b"b"]
    assert run.dead == [(b"1", b"notice1", "no_article"), (b"2", b"notice2", "no_article")]
    assert run.observer.of("dead_lettered") == [("dead_lettered", DeadLetterReason.NO_ARTICLE)] * 2
    assert run.committed == 4


def test_an_unexpected_error_makes_a_dead_letter_of_one_message() -> None:
    """The dead letter has the class and the line of the error, but not its text. The stream continues."""
    run = PipelineRun(b"a", b"undecodable", b"unfingerprintable", b"b")
    assert run.pipeline.run() is True
    assert run.events == [b"a n-0", b"b n-1"]
    assert run.dead == [(b"1", b"undecodable", "unexpected_error"), (b"2", b"unfingerprintable", "unexpected_error")]
    # The error of the fingerprint is raised for the batch first, and then for the single article.
    assert run.observer.of("unexpected_error") == [
        ("unexpected_error", RecursionError),
        ("unexpected_error", MemoryError),
        ("unexpected_error", MemoryError),
    ]
    details = [dict(letter.headers)["detail"].decode() for letter in run.broker.messages(DEAD)]
    for detail, name in zip(details, ("RecursionError", "MemoryError"), strict=True):
        assert re.fullmatch(rf"{name} at tests\.unit\.processing\.test_pipeline:\d+", detail)
    assert run.committed == 4


def test_an_unexpected_error_in_a_fingerprint_affects_one_article() -> None:
    """If the fingerprints of a batch fail, each article is fingerprinted alone, and the others are delivered."""
    run = PipelineRun(b"a", b"b", b"unfingerprintable", b"c", b"d")
    assert run.pipeline.run() is True
    assert run.events == [b"a n-0", b"b n-1", b"c n-2", b"d n-3"]
    assert run.dead == [(b"2", b"unfingerprintable", "unexpected_error")]


def test_unexpected_errors_open_the_circuit() -> None:
    """An error at every article stops the worker instead of moving the topic into the dead letters."""
    run = PipelineRun(
        b"a", b"unfingerprintable", b"undecodable", limits=CircuitLimits(max_consecutive=2, max_ratio=0.3)
    )
    with pytest.raises(CircuitOpen):
        run.pipeline.run()
    assert (run.dead, run.events, run.committed) == ([], [], 0)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, Fatal, Unreachable])
def test_interrupts_and_known_errors_are_raised(error: type[BaseException]) -> None:
    """They make no dead letter."""

    class Interrupted(FakeProcessor):
        def decode(self, message: Message) -> Article:
            raise error("now")

    run = PipelineRun(b"a")
    run.pipeline.processor = fake_processor(Interrupted)
    with pytest.raises(error):
        run.pipeline.run()
    assert (run.dead, run.committed) == ([], 0)


def test_a_corrupt_record_becomes_a_notice() -> None:
    """A dead letter without a value points at a record that the client cannot decode."""
    run = PipelineRun(b"a", b"b")
    run.broker.corrupt(ARTICLES, 0, 0)
    assert run.pipeline.run() is True
    assert run.dead == [(b"0", None, "record_unreadable")]
    assert run.events == [b"b n-0"]
    assert run.committed == 2


def test_a_batch_of_tombstones_is_skipped_counted_and_committed() -> None:
    """Messages without a value have no outcome and are not submitted to the index."""
    run = PipelineRun(None, None)
    assert run.pipeline.run() is True
    assert run.observer.records == [("skipped",), ("skipped",), ("delivered", 2)]
    assert "decide" not in run.faults.calls
    assert run.committed == 2


def test_a_message_that_is_no_article_is_skipped_like_a_tombstone() -> None:
    """It leads to no event and to no dead letter, and does not count as a rejection."""
    limits = CircuitLimits(max_consecutive=2, max_ratio=1.0)
    run = PipelineRun(b"bad", b"skipped", b"bad", b"a", b"skipped", limits=limits)
    assert run.pipeline.run() is True
    assert len(run.events) == 1
    assert [value for _, value, _ in run.dead] == [b"bad", b"bad"]
    assert run.observer.of("skipped") == [("skipped",)] * 2
    assert run.committed == 5


def test_a_too_large_event_becomes_a_dead_letter() -> None:
    """An article whose event is too large for its topic is a dead letter, and counted as one."""
    run = PipelineRun(b"a", b"b:2000", b"c")
    assert run.pipeline.run() is True
    assert run.events == [b"a n-0", b"c n-2"]
    assert run.dead == [(b"1", b"b:2000", "event_too_large")]
    assert run.observer.of("dead_lettered") == [("dead_lettered", DeadLetterReason.EVENT_TOO_LARGE)]
    assert run.committed == 3


@pytest.mark.parametrize(("value", "reason"), [(b"bad" * 500, "not_json"), (b"b" * 1500 + b":2000", "event_too_large")])
def test_a_too_large_dead_letter_becomes_a_notice(value: bytes, reason: str) -> None:
    """The notice has the position of the message and the reason."""
    run = PipelineRun(b"a", value)
    assert run.pipeline.run() is True
    assert run.dead == [(b"1", None, reason)]
    assert run.observer.of("dead_lettered") == [("dead_lettered", reason)]
    assert run.committed == 2


def test_a_too_large_notice_stops_the_worker() -> None:
    """The batch is not committed, so that no message is lost."""
    run = PipelineRun(b"a", b"bad", record_bytes=8)
    with pytest.raises(Fatal, match="dead letter"):
        run.pipeline.run()
    assert run.committed == 0


@pytest.mark.parametrize(
    ("step", "dependency"),
    [
        ("poll", "kafka"),
        ("submit", "redis"),
        ("decide", "redis"),
        ("send", "kafka"),
        ("flush", "kafka"),
        ("commit", "kafka"),
    ],
)
def test_the_pipeline_continues_after_an_outage(step: str, dependency: str) -> None:
    """In an outage of any step the batch is kept and the source is polled. The delivery continues after the outage."""
    run = PipelineRun(b"a", b"bad", b"b")
    run.faults.left[step] = 5
    assert run.pipeline.run() is True
    # Records of a failed flush may be stored, so that they are published twice, with equal content.
    assert list(dict.fromkeys(run.events)) == [b"a n-0", b"b n-1"]
    assert list(dict.fromkeys(run.dead)) == [(b"1", b"bad", "not_json")]
    assert run.committed == 3
    assert run.observer.of("unreachable") == [("unreachable", dependency)]
    assert run.observer.of("reachable") == [("reachable", dependency)]
    assert len(run.observer.of("delivered")) == 1
    assert not run.source.paused


def test_an_outage_is_retried_with_growing_pauses_and_polls_between() -> None:
    """The pause doubles up to a maximum. Polls keep the member in its group."""
    run = PipelineRun(b"a")
    run.faults.left["decide"] = 12
    tries: list[float] = []
    call = run.faults.call

    def record_time(step: str) -> None:
        if step == "decide":
            tries.append(run.time())
        call(step)

    run.faults.call = record_time  # type: ignore[method-assign]
    assert run.pipeline.run() is True
    waits = [round(after - before, 6) for before, after in pairwise(tries)]
    assert waits == [0.25, 0.5, 1.0] + [2.0] * 9
    calls = run.faults.calls
    between = calls[calls.index("decide") : len(calls) - calls[::-1].index("decide")]
    assert between.count("poll") >= sum(waits) / 0.2, "a poll at least every 0.2 s"


def test_the_batch_that_opens_the_circuit_is_not_committed() -> None:
    """The batch at the limit makes no dead letters. The batch before it is delivered."""
    run = PipelineRun(b"a", b"bad1", *[b"bad%d" % number for number in range(2, 8)], b"b", batch_max=2)
    run.pipeline.limits = CircuitLimits(max_consecutive=4, max_ratio=0.3)
    with pytest.raises(CircuitOpen):
        run.pipeline.run()
    assert run.committed == 4
    assert [key for key, _, _ in run.dead] == [b"1", b"2", b"3"]


def test_an_open_circuit_names_the_reasons() -> None:
    """The error has each reason with its count, its first position, its detail and the fields of that message."""
    values = [b"a", b"undecodable", b"bad {", b"bad", b"bad"]
    run = PipelineRun(*values, limits=CircuitLimits(max_consecutive=4, max_ratio=0.3))
    with pytest.raises(CircuitOpen) as raised:
        run.pipeline.run()
    first, second = raised.value.reasons
    assert (first.reason, first.count, first.first) == (DeadLetterReason.NOT_JSON, 3, f"{ARTICLES}-0@2")
    assert (second.reason, second.count, second.first) == (DeadLetterReason.UNEXPECTED_ERROR, 1, f"{ARTICLES}-0@1")
    assert str(raised.value).startswith(
        "4 messages in a row cannot be read (limit 4); rejected by reason: "
        f"3 not_json (first {ARTICLES}-0@2: no JSON), 1 unexpected_error (first {ARTICLES}-0@1: RecursionError at "
    )


def test_restarts_make_no_more_dead_letters_than_one_run() -> None:
    """The limit of consecutive dead letters counts across restarts."""
    limits = CircuitLimits(max_consecutive=4, max_ratio=0.3)
    run = PipelineRun(b"a", *[b"bad%d" % number for number in range(40)], batch_max=2, limits=limits)
    for _ in range(5):
        with pytest.raises(CircuitOpen):
            run.pipeline.run()
        run.source.close()
        run = PipelineRun(batch_max=2, limits=limits, broker=run.broker)
    assert [key for key, _, _ in run.dead] == [b"1", b"2", b"3"]
    assert run.committed == 4


def test_a_stop_finishes_the_current_batch() -> None:
    """After a request to stop, the current batch is committed and no other begins."""
    run = PipelineRun(b"a", b"b", b"c", batch_max=2)
    submit = run.index.submit

    def stop_and_continue(namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        run.stop.request()
        return submit(namespace, fingerprints, now_ms)

    run.index.submit = stop_and_continue  # type: ignore[method-assign]
    assert run.pipeline.run() is True
    assert run.committed == 2
    assert run.events == [b"a n-0", b"b n-1"]


@pytest.mark.parametrize(("failures", "is_reported"), [(10, False), (40, True)])
def test_a_rebalance_is_no_outage_unless_it_lasts(failures: int, is_reported: bool) -> None:
    """A commit that fails in a rebalance is retried; the observer is informed after a minute."""
    run = PipelineRun(b"a")
    run.faults.left["commit"] = failures
    run.faults.kind = OutageKind.REBALANCING
    assert run.pipeline.run() is True
    assert run.committed == 1
    reported = [("unreachable", Dependency.KAFKA), ("reachable", Dependency.KAFKA)] if is_reported else []
    assert run.observer.of("unreachable") + run.observer.of("reachable") == reported


def test_an_outage_beyond_its_timeout_ends_the_run() -> None:
    """With an outage timeout, the run ends after it, and nothing is published or committed."""
    run = PipelineRun(b"a")
    run.faults.left["decide"] = 1_000
    run.pipeline.retrier.timeouts = replace(TIMEOUTS, outage_timeout_seconds=30.0)
    assert not run.pipeline.run()
    assert 30.0 <= run.time.now < 40.0
    assert run.committed == 0
    assert run.events == []


def stop_at_outage(run: PipelineRun) -> None:
    """Request a stop when the observer is informed of an outage."""
    on_unreachable = run.observer.unreachable

    def stop_and_continue(dependency: str, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        on_unreachable(dependency, reason, kind)
        run.stop.request()

    run.observer.unreachable = stop_and_continue  # type: ignore[method-assign]


def test_a_drain_during_an_outage_ends_before_its_timeout() -> None:
    """The batch is abandoned, unpublished, if another attempt could exceed the drain timeout."""
    run = PipelineRun(b"a")
    run.faults.left["decide"] = 10_000
    stop_at_outage(run)
    assert run.pipeline.run() is False
    assert 10.0 <= run.time() <= 15.5, "an attempt of 30 s must end within 45"
    assert run.committed == 0
    assert run.events == []


def test_a_stop_without_a_batch_is_immediate() -> None:
    """A request to stop during an outage of Kafka does not wait for its end."""
    run = PipelineRun(b"a")
    run.faults.left["poll"] = 10_000
    stop_at_outage(run)
    assert run.pipeline.run() is True
    assert run.time() <= 5.0


def test_a_source_that_ignores_its_pause_stops_the_worker() -> None:
    """A commit after messages of a paused source would skip the current batch."""
    run = PipelineRun(b"a", b"b", b"c", b"d", batch_max=1)
    run.faults.left["decide"] = 1
    run.source.pause = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Fatal, match="while it was paused"):
        run.pipeline.run()
    assert run.committed == 0


STEPS = ["poll", "submit", "decide", "send", "flush", "commit"]


@given(
    values=st.lists(st.sampled_from([b"a", b"b", b"c", b"bad", b"x:2000", None]), max_size=30),
    batch_max=st.integers(1, 8),
    faults=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 4)), max_size=12),
)
def test_no_mix_of_outages_loses_a_message(
    values: list[bytes | None], batch_max: int, faults: list[tuple[str, int]]
) -> None:
    """Every message has its outcome, every article one story, and all are committed."""
    run = PipelineRun(*values, batch_max=batch_max, limits=CircuitLimits(max_consecutive=1000, max_ratio=1.0))
    later_faults = iter(faults)
    on_delivered = run.observer.delivered

    def next_fault(messages: Sequence[Message | CorruptRecord]) -> None:
        on_delivered(messages)
        run.faults.left.update([fault] if (fault := next(later_faults, None)) else [])

    run.observer.delivered = next_fault  # type: ignore[method-assign]
    run.faults.left.update(faults[:2])
    assert run.pipeline.run() is True
    assert run.committed == len(values)
    plain = {value for value in values if value in {b"a", b"b", b"c"}}
    assert {value.split()[0] for value in run.events if value} == plain
    assert len(set(run.events)) == len(plain), "all events of an article have one story"
    bad = {offset for offset, value in enumerate(values) if value in {b"bad", b"x:2000"}}
    assert {int(key or b"") for key, _, _ in run.dead} == bad
    assert len(run.observer.of("dead_lettered")) == len(bad)
