"""The loop: poll, decide, emit, flush, commit, and what it does when one of them cannot be done."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.bootstrap import article_processor
from reprise.errors import BadMessage, CircuitOpen, Fatal, Unreachable
from reprise.model import (
    Article,
    CorruptRecord,
    DeadLetterReason,
    Decision,
    EventType,
    Fingerprint,
    Message,
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

TIMEOUTS = RetryTimeouts(poll_timeout_seconds=1.0, drain_timeout_seconds=45.0, attempt_timeout_seconds=30.0)


class FakeProcessor(ArticleProcessor):
    """Articles are the messages' values; a value `NAME:N` makes an event that is N bytes longer."""

    def decode(self, message: Message) -> Article:
        assert message.value is not None
        if message.value == b"unread":
            raise RecursionError("the secret text")
        if message.value.startswith(b"bad"):
            raise BadMessage(DeadLetterReason.NOT_JSON, "no JSON")
        return Article(article_id=message.value.decode(), text="")

    def fingerprint(self, article: Article) -> Fingerprint:
        if article.article_id == "unsigned":
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
    return kind(**{each.name: getattr(real, each.name) for each in fields(real)})


@dataclass
class Faults:
    """For each step how many of its next calls fail, and an ordered diary of all calls."""

    left: dict[str, int] = field(default_factory=dict)
    diary: list[str] = field(default_factory=list)

    def meet(self, step: str) -> None:
        self.diary.append(step)
        if self.left.get(step, 0) > 0:
            self.left[step] -= 1
            raise Unreachable(f"{step} is away")


@dataclass
class FaultySource(MemorySource):
    faults: Faults = field(default_factory=Faults)

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        self.faults.meet("poll")
        return super().poll(timeout_seconds)

    def commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str, timeout_seconds: float) -> None:
        self.faults.meet("commit")
        super().commit(messages, offset_metadata, timeout_seconds)

    __hash__ = object.__hash__


@dataclass
class FaultySink(MemorySink):
    faults: Faults = field(default_factory=Faults)

    def send(self, records: Sequence[OutputRecord]) -> Sequence[int]:
        self.faults.meet("send")
        return super().send(records)

    def flush(self) -> None:
        # what was sent before a flush that failed may have arrived all the same
        super().flush()
        self.faults.meet("flush")


@dataclass
class FakePending:
    faults: Faults
    stories: Sequence[str]
    now_ms: int

    def result(self) -> Sequence[Decision]:
        self.faults.meet("decide")  # recorded, and the answer lost
        return [Decision(type=EventType.NEW, story_id=story, decided_at_ms=self.now_ms) for story in self.stories]

    def cancel(self) -> None: ...


@dataclass
class FakeIndex:
    """Founds a story for each article, numbered as they come, and gives it again to the same article."""

    faults: Faults
    stories: dict[str, str] = field(default_factory=dict)

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        self.faults.meet("ask")
        for fingerprint in fingerprints:
            self.stories.setdefault(fingerprint.article_id, f"{namespace}-{len(self.stories)}")
        stories = [self.stories[fingerprint.article_id] for fingerprint in fingerprints]
        return FakePending(self.faults, stories, now_ms)

    def close(self) -> None: ...


@dataclass
class Diary(NullObserver):
    """The observer: everything it is told, and a stop when there is nothing more to do."""

    stop: StopRequest
    told: list[tuple[object, ...]] = field(default_factory=list)
    idle: int = 0

    def polled(self, message_count: int) -> None:
        self.idle = 0 if message_count else self.idle + 1
        if self.idle > 500:
            self.stop.request()

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        self.told.append(("fingerprinted", article_count))

    def unexpected_error(self, error: Exception) -> None:
        self.told.append(("failed", type(error)))

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        self.told.append(("decided", len(decisions)))

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        self.told.append(("binned", rejection.reason))

    def skipped(self) -> None:
        self.told.append(("skipped",))

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        self.told.append(("delivered", len(messages)))

    def unreachable(self, dependency: str, reason: str) -> None:
        assert reason
        self.told.append(("unreachable", dependency))

    def reachable(self, dependency: str) -> None:
        self.told.append(("reachable", dependency))

    def of(self, name: str) -> list[tuple[object, ...]]:
        return [entry for entry in self.told if entry[0] == name]


class World:
    """A pipeline over a broker in memory, with an input of the given values, all in one partition."""

    def __init__(
        self,
        *values: bytes | None,
        batch_max: int = 500,
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
        self.observer = Diary(self.stop)
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


def test_a_batch_is_decided_sent_flushed_and_only_then_committed() -> None:
    """The steps of a batch come in the order that loses nothing, and its events in the order of its articles."""
    world = World(b"a", b"b", b"c")
    assert world.pipeline.run() is True
    assert [step for step in world.faults.diary if step != "poll"] == ["ask", "decide", "send", "flush", "commit"]
    assert world.events == [b"a n-0", b"b n-1", b"c n-2"]
    assert world.committed == 3
    assert world.observer.told == [("fingerprinted", 3), ("decided", 3), ("delivered", 3)]


def test_the_next_batch_is_read_while_the_index_decides_and_asked_before_the_delivery() -> None:
    """The index is never asked of two batches at once, and has one to work on while another is read or delivered."""
    world = World(b"a", b"b", b"c", batch_max=1)
    assert world.pipeline.run() is True
    delivered = ["send", "flush", "commit"]
    one = ["poll", "ask"]
    between = ["poll", "decide", "ask", *delivered]
    last = ["poll", "decide", *delivered, "poll"]
    expected = [*one, *between, *between, *last]
    assert world.faults.diary[: len(expected)] == expected
    assert world.events == [b"a n-0", b"b n-1", b"c n-2"]


def test_one_that_does_not_read_ahead_has_one_batch_in_hand() -> None:
    """Where the source must know which batch is meant, the next one is read when this one is delivered."""
    world = World(b"a", b"b", batch_max=1)
    world.pipeline.reads_ahead = False
    assert world.pipeline.run() is True
    batch = ["poll", "ask", "decide", "send", "flush", "commit"]
    assert world.faults.diary[: 2 * len(batch)] == [*batch, *batch]


def test_what_opens_the_circuit_waits_for_the_batch_before_it() -> None:
    """A batch read ahead that ends the worker lets the one before it be delivered."""
    world = World(b"a", b"bad1", b"bad2", batch_max=1, limits=CircuitLimits(max_consecutive=1, max_ratio=0.3))
    with pytest.raises(CircuitOpen):
        world.pipeline.run()
    assert world.events == [b"a n-0"]
    assert world.committed == 1


def test_a_bad_message_is_binned_and_the_stream_goes_on() -> None:
    """What cannot be read is kept with its bytes and reason, between events that are none the worse."""
    world = World(b"a", b"bad", b"b")
    assert world.pipeline.run() is True
    assert world.events == [b"a n-0", b"b n-1"]
    assert world.dead == [(b"1", b"bad", "not_json")]
    assert world.observer.of("binned") == [("binned", DeadLetterReason.NOT_JSON)]
    assert world.committed == 3


def test_an_error_nobody_thought_of_costs_one_message() -> None:
    """It is a dead letter that names the error and its place, never the error's words; the stream goes on."""
    world = World(b"a", b"unread", b"unsigned", b"b")
    assert world.pipeline.run() is True
    assert world.events == [b"a n-0", b"b n-1"]
    assert world.dead == [(b"1", b"unread", "unexpected_error"), (b"2", b"unsigned", "unexpected_error")]
    # the last one is met among all articles first, and then alone
    assert world.observer.of("failed") == [("failed", RecursionError), ("failed", MemoryError), ("failed", MemoryError)]
    details = [dict(letter.headers)["detail"].decode() for letter in world.broker.messages(DEAD)]
    for detail, name in zip(details, ("RecursionError", "MemoryError"), strict=True):
        assert re.fullmatch(rf"{name} at tests\.unit\.processing\.test_pipeline:\d+", detail)
    assert world.committed == 4


def test_no_event_is_lost_to_a_neighbour_that_cannot_be_fingerprinted() -> None:
    """Articles are fingerprinted together; where that fails, each is alone, and the rest of the batch is delivered."""
    world = World(b"a", b"b", b"unsigned", b"c", b"d")
    assert world.pipeline.run() is True
    assert world.events == [b"a n-0", b"b n-1", b"c n-2", b"d n-3"]
    assert world.dead == [(b"2", b"unsigned", "unexpected_error")]


def test_errors_nobody_thought_of_open_the_circuit() -> None:
    """A bug that every article meets stops the worker, instead of draining the topic into the dead letters."""
    world = World(b"a", b"unsigned", b"unread", limits=CircuitLimits(max_consecutive=2, max_ratio=0.3))
    with pytest.raises(CircuitOpen):
        world.pipeline.run()
    assert (world.dead, world.events, world.committed) == ([], [], 0)


@pytest.mark.parametrize("stopping", [KeyboardInterrupt, SystemExit, Fatal, Unreachable])
def test_what_is_not_about_the_message_passes(stopping: type[BaseException]) -> None:
    """An interrupt, and an error that has a meaning of its own, is never mistaken for a bad message."""

    class Interrupted(FakeProcessor):
        def decode(self, message: Message) -> Article:
            raise stopping("now")

    world = World(b"a")
    world.pipeline.processor = fake_processor(Interrupted)
    with pytest.raises(stopping):
        world.pipeline.run()
    assert (world.dead, world.committed) == ([], 0)


def test_a_position_that_cannot_be_decoded_is_binned() -> None:
    """A record that not even the client can read leaves a dead letter that points at it."""
    world = World(b"a", b"b")
    world.broker.corrupt(ARTICLES, 0, 0)
    assert world.pipeline.run() is True
    assert world.dead == [(b"0", None, "record_unreadable")]
    assert world.events == [b"b n-0"]
    assert world.committed == 2


def test_a_batch_of_tombstones_is_skipped_counted_and_committed() -> None:
    """Null values lead to nothing, not even to a call of the index."""
    world = World(None, None)
    assert world.pipeline.run() is True
    assert world.observer.told == [("skipped",), ("skipped",), ("delivered", 2)]
    assert "decide" not in world.faults.diary
    assert world.committed == 2


def test_an_event_too_large_becomes_a_dead_letter() -> None:
    """An article whose event no topic takes is kept as a dead letter, and counted as one."""
    world = World(b"a", b"b:2000", b"c")
    assert world.pipeline.run() is True
    assert world.events == [b"a n-0", b"c n-2"]
    assert world.dead == [(b"1", b"b:2000", "event_too_large")]
    assert world.observer.of("binned") == [("binned", DeadLetterReason.EVENT_TOO_LARGE)]
    assert world.committed == 3


@pytest.mark.parametrize(("value", "reason"), [(b"bad" * 500, "not_json"), (b"b" * 1500 + b":2000", "event_too_large")])
def test_a_dead_letter_too_large_becomes_a_notice(value: bytes, reason: str) -> None:
    """An original that the dead letters do not take leaves its position and reason there."""
    world = World(b"a", value)
    assert world.pipeline.run() is True
    assert world.dead == [(b"1", None, reason)]
    assert world.observer.of("binned") == [("binned", reason)]
    assert world.committed == 2


def test_a_notice_too_large_stops_the_worker() -> None:
    """Where not even a notice can be written nothing is dropped: the worker stops and the batch stays uncommitted."""
    world = World(b"a", b"bad", record_bytes=8)
    with pytest.raises(Fatal, match="dead letter"):
        world.pipeline.run()
    assert world.committed == 0


@pytest.mark.parametrize(
    ("step", "dependency"),
    [
        ("poll", "kafka"),
        ("ask", "redis"),
        ("decide", "redis"),
        ("send", "kafka"),
        ("flush", "kafka"),
        ("commit", "kafka"),
    ],
)
def test_an_outage_is_waited_out(step: str, dependency: str) -> None:
    """Whatever is away, the batch stays in hand, polls go on, and delivery resumes by itself when it is back."""
    world = World(b"a", b"bad", b"b")
    world.faults.left[step] = 5
    assert world.pipeline.run() is True
    # a flush that failed may have written its records: they come a second time, with the same content
    assert list(dict.fromkeys(world.events)) == [b"a n-0", b"b n-1"]
    assert list(dict.fromkeys(world.dead)) == [(b"1", b"bad", "not_json")]
    assert world.committed == 3
    assert world.observer.of("unreachable") == [("unreachable", dependency)]
    assert world.observer.of("reachable") == [("reachable", dependency)]
    assert len(world.observer.of("delivered")) == 1
    assert not world.source.paused


def test_an_outage_is_polled_through_and_asked_about_ever_less() -> None:
    """Between two tries the group is kept alive by polls; the wait doubles and has an upper bound."""
    world = World(b"a")
    world.faults.left["decide"] = 12
    tries: list[float] = []
    meet = world.faults.meet

    def note(step: str) -> None:
        if step == "decide":
            tries.append(world.time())
        meet(step)

    world.faults.meet = note  # type: ignore[method-assign]
    assert world.pipeline.run() is True
    waits = [round(after - before, 6) for before, after in pairwise(tries)]
    assert waits == [0.25, 0.5, 1.0] + [2.0] * 9
    diary = world.faults.diary
    between = diary[diary.index("decide") : len(diary) - diary[::-1].index("decide")]
    assert between.count("poll") >= sum(waits) / 0.2, "a poll at least every 0.2 s"


def test_what_opens_the_circuit_is_neither_binned_nor_committed() -> None:
    """The batch that reaches the limit stays in the topic, for a restart to meet it again; the one before is done."""
    world = World(b"a", b"bad1", *[b"bad%d" % number for number in range(2, 8)], b"b", batch_max=2)
    world.pipeline.limits = CircuitLimits(max_consecutive=4, max_ratio=0.3)
    with pytest.raises(CircuitOpen):
        world.pipeline.run()
    assert world.committed == 4
    assert [key for key, _, _ in world.dead] == [b"1", b"2", b"3"]


def test_restarts_bin_no_more_than_one_run() -> None:
    """Small batches, started again and again: what one worker may bin in a row is binned once, not once a start."""
    limits = CircuitLimits(max_consecutive=4, max_ratio=0.3)
    world = World(b"a", *[b"bad%d" % number for number in range(40)], batch_max=2, limits=limits)
    for _ in range(5):
        with pytest.raises(CircuitOpen):
            world.pipeline.run()
        world.source.close()
        world = World(batch_max=2, limits=limits, broker=world.broker)
    assert [key for key, _, _ in world.dead] == [b"1", b"2", b"3"]
    assert world.committed == 4


def test_stopping_finishes_the_batch_in_hand() -> None:
    """A stop that arrives in the middle of a batch lets it be committed, and no other begins."""
    world = World(b"a", b"b", b"c", batch_max=2)
    submit = world.index.submit

    def stopping(namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        world.stop.request()
        return submit(namespace, fingerprints, now_ms)

    world.index.submit = stopping  # type: ignore[method-assign]
    assert world.pipeline.run() is True
    assert world.committed == 2
    assert world.events == [b"a n-0", b"b n-1"]


def test_an_outage_without_anybody_to_end_it_is_given_up() -> None:
    """Where an outage has a limit, a store that stays away ends the run after it, with nothing said or committed."""
    world = World(b"a")
    world.faults.left["decide"] = 1_000
    world.pipeline.retrier.timeouts = replace(TIMEOUTS, outage_timeout_seconds=30.0)
    assert not world.pipeline.run()
    assert 30.0 <= world.time.now < 40.0
    assert world.committed == 0
    assert world.events == []


def test_a_drain_that_meets_an_outage_has_an_end() -> None:
    """With Redis away for good, a stop gives the batch up, unsaid, when another try could outlast the drain."""
    world = World(b"a")
    world.faults.left["decide"] = 10_000
    on_unreachable: Callable[[str, str], None] = world.observer.unreachable

    def stopping(dependency: str, reason: str) -> None:
        on_unreachable(dependency, reason)
        world.stop.request()

    world.observer.unreachable = stopping  # type: ignore[method-assign]
    assert world.pipeline.run() is False
    assert 10.0 <= world.time() <= 15.5, "a try of 30 s must end within 45"
    assert world.committed == 0
    assert world.events == []


def test_a_stop_without_a_batch_in_hand_is_immediate() -> None:
    """A stop while Kafka gives nothing does not wait for Kafka to come back."""
    world = World(b"a")
    world.faults.left["poll"] = 10_000
    on_unreachable: Callable[[str, str], None] = world.observer.unreachable

    def stopping(dependency: str, reason: str) -> None:
        on_unreachable(dependency, reason)
        world.stop.request()

    world.observer.unreachable = stopping  # type: ignore[method-assign]
    assert world.pipeline.run() is True
    assert world.time() <= 5.0


def test_a_source_that_breaks_its_pause_stops_the_worker() -> None:
    """Messages that come while a batch is in hand would be committed over undelivered; so the worker stops instead."""
    world = World(b"a", b"b", b"c", batch_max=1)
    world.faults.left["decide"] = 1
    world.source.pause = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Fatal, match="while it was paused"):
        world.pipeline.run()
    assert world.committed == 0


STEPS = ["poll", "ask", "decide", "send", "flush", "commit"]


@given(
    values=st.lists(st.sampled_from([b"a", b"b", b"c", b"bad", b"x:2000", None]), max_size=30),
    batch_max=st.integers(1, 8),
    faults=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 4)), max_size=12),
)
def test_nothing_is_lost_whatever_fails(
    values: list[bytes | None], batch_max: int, faults: list[tuple[str, int]]
) -> None:
    """Under any mix of outages every message leads to its record, to one story an article, and is committed."""
    world = World(*values, batch_max=batch_max, limits=CircuitLimits(max_consecutive=1000, max_ratio=1.0))
    coming = iter(faults)
    on_delivered = world.observer.delivered

    def next_fault(messages: Sequence[Message | CorruptRecord]) -> None:
        on_delivered(messages)
        world.faults.left.update([fault] if (fault := next(coming, None)) else [])

    world.observer.delivered = next_fault  # type: ignore[method-assign]
    world.faults.left.update(faults[:2])
    assert world.pipeline.run() is True
    assert world.committed == len(values)
    plain = {value for value in values if value in {b"a", b"b", b"c"}}
    assert {value.split()[0] for value in world.events if value} == plain
    assert len(set(world.events)) == len(plain), "an article is told with one story, however often"
    bad = {offset for offset, value in enumerate(values) if value in {b"bad", b"x:2000"}}
    assert {int(key or b"") for key, _, _ in world.dead} == bad
    assert len(world.observer.of("binned")) == len(bad)
