"""The worker's own loop over a broker in memory, for messages that try to break it.

run_loop  messages in, what became of each out: the type of its event, or the reason of its dead letter
Timing    the processor time of the dearest message
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

#: The defaults, but for a circuit that never opens: most of these messages are bad.
SETTINGS: Final = load({"REPRISE_CIRCUIT_IN_A_ROW": "1000000", "REPRISE_CIRCUIT_SHARE": "1"})


@dataclass(slots=True)
class Timing:
    """Processor seconds of the message that took the most of them in one step, and its offset in its run."""

    seconds: float = 0.0
    offset: int = -1


@dataclass
class _Watch(NullObserver):
    """Stops the loop when nothing is left, and keeps the errors that it turned into dead letters."""

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
    values: Sequence[bytes], *, index: Index | None = None, timing: Timing | None = None, settings: Settings = SETTINGS
) -> list[str]:
    """Send messages through the loop and return what became of each, in order.

    Raises what the loop raises, the error behind a dead letter that nobody expected, and AssertionError where a message
    has not exactly one outcome or is not committed.
    """
    topics = settings.topics
    broker = MemoryBroker()
    for topic in (topics.articles, topics.new, topics.variants, topics.dead):
        broker.create(topic)
    for number, value in enumerate(values):
        headers = (("traceparent", b"%d" % number),)
        broker.append(topics.articles, OutputRecord(topic=topics.articles, key=b"k", value=value, headers=headers))
    watch, source = _Watch(StopRequest()), MemorySource(broker, [topics.articles])
    build_pipeline(
        settings,
        source=source,
        index=index or memory_index(settings),
        delivery=AtLeastOnce(MemorySink(broker), source, flush_timeout_seconds=settings.times.flush_timeout_seconds),
        observer=watch,
        stop=watch.stop,
        processor=_timed(article_processor(settings), timing or Timing()),
    ).run()
    if watch.errors:
        raise watch.errors[0]
    assert broker.committed["group", (topics.articles, 0)] == len(values)
    return _outcomes(broker, settings, len(values))


def _outcomes(broker: MemoryBroker, settings: Settings, count: int) -> list[str]:
    found: dict[int, list[str]] = {number: [] for number in range(count)}
    for topic in (settings.topics.new, settings.topics.variants):
        for event in broker.messages(topic):
            found[int(dict(event.headers)["traceparent"])].append(dict(event.headers)["ce_type"].decode())
    for letter in broker.messages(settings.topics.dead):
        headers = dict(letter.headers)
        found[int(headers[dead_letters.OFFSET])].append(headers[dead_letters.REASON].decode())
    assert {number: outcomes for number, outcomes in found.items() if len(outcomes) != 1} == {}
    return [outcomes[0] for outcomes in found.values()]


@dataclass(frozen=True, kw_only=True)
class _TimedProcessor(ArticleProcessor):
    """Records the processor time of the costliest message: of decoding it, or of the batch that it is the last of."""

    timing: Timing
    offsets: list[int] = field(default_factory=list)

    def decode(self, message: Message) -> Article:
        """See ArticleProcessor."""
        self.offsets[:] = [message.offset]
        return self._measure(super().decode, message)

    def fingerprint_batch(self, articles: Sequence[Article]) -> Sequence[Fingerprint]:
        """See ArticleProcessor."""
        return self._measure(super().fingerprint_batch, articles)

    def _measure(self, step: Callable[[T], U], argument: T) -> U:
        started = time.process_time()
        try:
            return step(argument)
        finally:
            seconds = time.process_time() - started
            if seconds > self.timing.seconds:
                self.timing.seconds, self.timing.offset = seconds, self.offsets[-1] if self.offsets else -1


def _timed(processor: ArticleProcessor, timing: Timing) -> ArticleProcessor:
    own = {each.name: getattr(processor, each.name) for each in fields(processor)}
    return _TimedProcessor(**own, timing=timing)
