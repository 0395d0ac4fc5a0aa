"""The worker's pipeline with a broker in memory, for hostile messages.

run_loop        process messages, return the outcome of each: the type of its event or the reason of its dead letter
SlowestMessage  the processor time of the most expensive message
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Final, TypeVar

from reprise.bootstrap import article_processor, build_pipeline, dedup_rule
from reprise.dedup.retention import Retention
from reprise.index.memory import MemoryIndex
from reprise.messages import dead_letters
from reprise.model import Article, Fingerprint, Message, OutputRecord
from reprise.observability.observers import NullObserver
from reprise.processing.at_least_once import AtLeastOnce
from reprise.processing.ports import Index
from reprise.processing.processor import ArticleProcessor
from reprise.processing.shutdown import StopRequest
from reprise.settings import Settings, load
from tests.contract.memory_broker import MemoryBroker, MemorySink, MemorySource

T = TypeVar("T")
U = TypeVar("U")

#: The default settings with a circuit breaker that does not open, because most messages are malformed.
SETTINGS: Final = load({"REPRISE_CIRCUIT_IN_A_ROW": "1000000", "REPRISE_CIRCUIT_SHARE": "1"})


@dataclass(slots=True)
class SlowestMessage:
    """The processor seconds of the most expensive step of a run, and the offset of its message."""

    seconds: float = 0.0
    offset: int = -1


@dataclass
class _StopAtEnd(NullObserver):
    """An observer that stops the loop at the end of the input and records unexpected errors."""

    stop: StopRequest
    errors: list[Exception] = field(default_factory=list)

    def polled(self, message_count: int) -> None:
        if not message_count:
            self.stop.request()

    def unexpected_error(self, error: Exception) -> None:
        self.errors.append(error)


def memory_index(settings: Settings = SETTINGS) -> MemoryIndex:
    """Return an empty index of this process."""
    retention = Retention(window_seconds=settings.index.window_seconds, replay_seconds=settings.index.replay_seconds)
    return MemoryIndex(rule=dedup_rule(settings), retention=retention)


def run_loop(
    values: Sequence[bytes],
    *,
    index: Index | None = None,
    slowest: SlowestMessage | None = None,
    settings: Settings = SETTINGS,
) -> list[str]:
    """Process messages and return the outcome of each, in order.

    Raises the errors of the loop, an unexpected error of a step, and AssertionError if a message has not exactly one
    outcome or is not committed.
    """
    topics = settings.topics
    broker = MemoryBroker()
    for topic in (topics.articles, topics.new, topics.variants, topics.merged, topics.dead):
        broker.create(topic)
    for number, value in enumerate(values):
        headers = (("traceparent", b"%d" % number),)
        broker.append(topics.articles, OutputRecord(topic=topics.articles, key=b"k", value=value, headers=headers))
    observer, source = _StopAtEnd(StopRequest()), MemorySource(broker, [topics.articles])
    build_pipeline(
        settings,
        source=source,
        index=index or memory_index(settings),
        delivery=AtLeastOnce(MemorySink(broker), source, flush_timeout_seconds=settings.times.flush_timeout_seconds),
        observer=observer,
        stop=observer.stop,
        processor=_timed(article_processor(settings), slowest or SlowestMessage()),
    ).run()
    if observer.errors:
        raise observer.errors[0]
    assert broker.committed["group", (topics.articles, 0)] == len(values)
    return _outcomes(broker, settings, len(values))


def _outcomes(broker: MemoryBroker, settings: Settings, count: int) -> list[str]:
    outcomes: dict[int, list[str]] = {number: [] for number in range(count)}
    for topic in (settings.topics.new, settings.topics.variants):
        for event in broker.messages(topic):
            outcomes[int(dict(event.headers)["traceparent"])].append(dict(event.headers)["ce_type"].decode())
    for letter in broker.messages(settings.topics.dead):
        headers = dict(letter.headers)
        outcomes[int(headers[dead_letters.OFFSET])].append(headers[dead_letters.REASON].decode())
    assert {number: group for number, group in outcomes.items() if len(group) != 1} == {}
    return [group[0] for group in outcomes.values()]


@dataclass(frozen=True, kw_only=True)
class _TimedProcessor(ArticleProcessor):
    """Record the most expensive step: the decoding of a message, or the fingerprints of a batch (its last message)."""

    slowest: SlowestMessage
    offsets: list[int] = field(default_factory=list)

    def decode(self, message: Message) -> Article:
        """See ArticleProcessor."""
        self.offsets[:] = [message.offset]
        return self._measure(super().decode, message)

    def fingerprint_batch(self, articles: Sequence[Article]) -> Sequence[Fingerprint]:
        """See ArticleProcessor."""
        return self._measure(super().fingerprint_batch, articles)

    def _measure(self, step: Callable[[T], U], argument: T) -> U:
        start = time.process_time()
        try:
            return step(argument)
        finally:
            seconds = time.process_time() - start
            if seconds > self.slowest.seconds:
                self.slowest.seconds, self.slowest.offset = seconds, self.offsets[-1] if self.offsets else -1


def _timed(processor: ArticleProcessor, slowest: SlowestMessage) -> ArticleProcessor:
    own = {field_.name: getattr(processor, field_.name) for field_ in fields(processor)}
    return _TimedProcessor(**own, slowest=slowest)
