"""The worker's one sentence: poll, decide, emit, flush, commit.

May live here: the order of the steps, and what happens when one of them cannot be taken. May not: anything that knows
Kafka, Redis, JSON or a text. A message is bad (bin it), a dependency is away (keep the batch, try again), or the worker
cannot go on (Fatal passes through, and nothing of the batch is committed).
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from worker.circuit import Circuit, CircuitLimits, judge
from worker.errors import BadMessage, Fatal, Unreachable
from worker.model import Article, DeadReason, Decision, Fingerprint, Message, OutputRecord, Unreadable
from worker.ports import Index, Observer, Partition, Sink, Source
from worker.stop import Stop

T = TypeVar("T")

#: The names that Observer.unreachable gives the dependencies.
_REDIS: Final = "redis"
_KAFKA: Final = "kafka"

#: Seconds of one poll while a dependency is away: short, so that a request to stop is seen soon.
_NAP_SECONDS: Final = 0.2

#: Doublings after which the wait is the longest anyway; keeps the power of two small in an outage of days.
_MAX_DOUBLINGS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The pure functions between the ports.

    read          a message -> its article; raises BadMessage
    fingerprint   an article -> what the index compares
    event_record  (article, fingerprint, decision, message) -> the event, ready to send
    dead_letter   (message or unreadable position, reason, detail, seconds since the epoch) -> the dead letter
    notice        the same, of headers alone: for a dead letter that is itself too large
    """

    read: Callable[[Message], Article]
    fingerprint: Callable[[Article], Fingerprint]
    event_record: Callable[[Article, Fingerprint, Decision, Message], OutputRecord]
    dead_letter: Callable[[Message | Unreadable, DeadReason, str, float], OutputRecord]
    notice: Callable[[Message | Unreadable, DeadReason, str, float], OutputRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long to wait for what, in seconds."""

    #: one poll: the pause between two looks at the request to stop on an idle topic
    poll_timeout_seconds: float = 1.0
    #: the first wait after a failure: a failover or a rebalance is often over by then
    first_retry_seconds: float = 0.25
    #: the longest wait: in an outage one call in this time, and its end is noticed as soon
    longest_retry_seconds: float = 5.0
    #: stopping with a dependency away: after it the batch is given up uncommitted, and read again after a restart
    drain_timeout_seconds: float = 45.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A message that is an article."""

    message: Message
    article: Article


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A message that cannot become an article, or whose event cannot be sent."""

    message: Message | Unreadable
    reason: DeadReason
    detail: str


class _GivenUpError(Exception):
    """Stopping took as long as a drain may take; the batch in hand stays uncommitted."""


@dataclass(kw_only=True)
class Pipeline:
    """One loop over one source, in the thread that calls `run`."""

    source: Source
    index: Index
    sink: Sink
    observer: Observer
    steps: Steps
    namespace: str
    stop: Stop
    limits: CircuitLimits = field(default_factory=CircuitLimits)
    pace: Pace = field(default_factory=Pace)
    #: seconds since the epoch: what decisions and dead letters carry
    clock: Callable[[], float] = time.time
    #: seconds that only grow: what durations are measured with
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    #: 0..1, for workers not to come back all at once
    jitter: Callable[[], float] = random.random
    _circuit: Circuit = field(default_factory=Circuit, init=False)

    def run(self) -> bool:
        """Deliver batch after batch until asked to stop, then finish the one in hand.

        Returns whether everything that was read is delivered: False where a dependency stayed away through the drain.
        Raises Fatal, CircuitOpen among them. In both cases the batch in hand is uncommitted: a restart reads it again.
        """
        try:
            while not self.stop.requested:
                if messages := self._insist(_KAFKA, self._poll):
                    self._deliver(messages)
        except _GivenUpError:
            return False
        return True

    def _deliver(self, messages: Sequence[Message | Unreadable]) -> None:
        entries = self._sort(messages)
        # Judged before anything of it is sent: what opens the circuit must be met again after a restart.
        self._circuit = judge(self.limits, self._circuit, [isinstance(entry, Dead) for entry in entries])
        fingerprints = self._fingerprint(entries)
        # Each step is tried until it is done. The index gives a recorded decision again, and an event that is sent
        # again carries the same id: nothing is lost, and at worst something is said twice.
        decisions = self._insist(_REDIS, lambda: self._decide(fingerprints))
        binned = self._insist(_KAFKA, lambda: self._emit_and_flush(entries, fingerprints, decisions))
        self._insist(_KAFKA, lambda: self.source.commit(_positions(messages)))
        for reason in binned:
            self.observer.binned(reason)
        self.observer.delivered(messages)

    def _poll(self) -> Sequence[Message | Unreadable]:
        if self.stop.requested:  # between two tries: there is no batch in hand to wait for
            return ()
        try:
            messages = self.source.poll(self.pace.poll_timeout_seconds)
        except Unreachable:
            self.observer.polled(0)  # the loop lives, whatever it was told
            raise
        self.observer.polled(len(messages))
        return messages

    def _sort(self, messages: Sequence[Message | Unreadable]) -> Sequence[Read | Dead]:
        entries: list[Read | Dead] = []
        for message in messages:
            if isinstance(message, Unreadable):
                entries.append(Dead(message=message, reason=DeadReason.RECORD_UNREADABLE, detail=message.detail))
            elif message.value is None:
                self.observer.skipped()
            else:
                entries.append(self._read(message))
        return entries

    def _read(self, message: Message) -> Read | Dead:
        try:
            return Read(message=message, article=self.steps.read(message))
        except BadMessage as bad:
            return Dead(message=message, reason=bad.reason, detail=bad.detail)

    def _fingerprint(self, entries: Sequence[Read | Dead]) -> Sequence[Fingerprint]:
        started = self.monotonic()
        fingerprints = [self.steps.fingerprint(entry.article) for entry in entries if isinstance(entry, Read)]
        if fingerprints:
            self.observer.fingerprinted(len(fingerprints), self.monotonic() - started)
        return fingerprints

    def _decide(self, fingerprints: Sequence[Fingerprint]) -> Sequence[Decision]:
        if not fingerprints:
            return ()
        started = self.monotonic()
        decisions = self.index.decide(self.namespace, fingerprints, int(self.clock() * 1000))
        self.observer.decided(decisions, self.monotonic() - started)
        return decisions

    def _emit_and_flush(
        self, entries: Sequence[Read | Dead], fingerprints: Sequence[Fingerprint], decisions: Sequence[Decision]
    ) -> Sequence[DeadReason]:
        """Send what each entry leads to, in order, and wait until it is acknowledged. Returns what was binned."""
        decided = iter(zip(fingerprints, decisions, strict=True))
        records = []
        for entry in entries:
            if isinstance(entry, Read):
                records.append(self.steps.event_record(entry.article, *next(decided), entry.message))
            else:
                records.append(self._dead_letter(entry))
        too_large = [_too_large(entries[index]) for index in self.sink.send(records)]
        self._shrink(too_large)
        self.sink.flush()
        events = [dead.reason for dead in too_large if dead.reason is DeadReason.EVENT_TOO_LARGE]
        return [entry.reason for entry in entries if isinstance(entry, Dead)] + events

    def _shrink(self, too_large: Sequence[Dead]) -> None:
        """Send a smaller dead letter for each record that could not be sent."""
        if not too_large:
            return
        now = self.clock()
        # A bad message's own dead letter was tried already, with its bytes; an event's was not.
        tried = [dead.reason is not DeadReason.EVENT_TOO_LARGE for dead in too_large]
        records = [
            (self.steps.notice if again else self.steps.dead_letter)(dead.message, dead.reason, dead.detail, now)
            for dead, again in zip(too_large, tried, strict=True)
        ]
        notices = [
            self.steps.notice(too_large[index].message, too_large[index].reason, too_large[index].detail, now)
            for index in self.sink.send(records)
        ]
        if notices and self.sink.send(notices):
            raise Fatal("a dead letter of headers alone is too large for its topic; raise max.message.bytes")

    def _dead_letter(self, dead: Dead) -> OutputRecord:
        return self.steps.dead_letter(dead.message, dead.reason, dead.detail, self.clock())

    def _insist(self, dependency: str, step: Callable[[], T]) -> T:
        """Take a step; while its dependency is away fetch nothing, keep polling, and try again."""
        failures = 0
        while True:
            try:
                result = step()
                break
            except Unreachable:
                if not failures:
                    self.source.pause()
                    self.observer.unreachable(dependency)
                self._wait(failures)
                failures += 1
        if failures:
            self.source.resume()
            self.observer.reachable(dependency)
        return result

    def _wait(self, failures: int) -> None:
        """Poll through one backoff. A request to stop ends it, for the one more try that may let the drain succeed."""
        doubled = self.pace.first_retry_seconds * 2 ** min(failures, _MAX_DOUBLINGS)
        delay = min(self.pace.longest_retry_seconds, doubled) * (1 + self.jitter()) / 2
        stopping = self.stop.requested
        until = self.monotonic() + delay
        while (left := until - self.monotonic()) > 0 and self.stop.requested == stopping:
            if self.stop.seconds_ago >= self.pace.drain_timeout_seconds:
                raise _GivenUpError
            self._idle(min(left, _NAP_SECONDS))

    def _idle(self, seconds: float) -> None:
        """Keep the group membership alive for so long while a batch is in hand."""
        until = self.monotonic() + seconds
        try:
            messages = self.source.poll(seconds)
        except Unreachable:
            messages = ()
        self.observer.polled(0)
        if messages:  # dropped here they would be lost: the next commit lies behind them
            raise Fatal("the source delivered messages while it was paused")
        if (left := until - self.monotonic()) > 0:  # a source need not wait: this loop must not spin
            self.sleep(left)


def _positions(messages: Sequence[Message | Unreadable]) -> Mapping[Partition, int]:
    """For each partition the position after its last message."""
    after: dict[Partition, int] = {}
    for message in messages:
        partition = (message.topic, message.partition)
        after[partition] = max(after.get(partition, 0), message.offset + 1)
    return after


def _too_large(entry: Read | Dead) -> Dead:
    if isinstance(entry, Dead):
        return entry
    return Dead(
        message=entry.message, reason=DeadReason.EVENT_TOO_LARGE, detail="its event is larger than its topic takes"
    )
