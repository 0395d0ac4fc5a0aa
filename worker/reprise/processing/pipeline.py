"""The loop: poll, decode, decide, publish, commit.

A bad message goes to the dead letters. While a dependency is unreachable the batch is kept and retried. A Fatal error
passes through, and nothing of the batch is committed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from reprise.errors import CircuitOpen, Fatal, RepriseError, Unreachable
from reprise.model import CorruptRecord, Decision, Delivered, Dependency, Message
from reprise.processing import circuit_breaker
from reprise.processing.batch import Decoded, Entry, Rejected, build_outcomes, decode_batch
from reprise.processing.circuit_breaker import CircuitLimits, CircuitState
from reprise.processing.namespace_fanout import submit_by_namespace
from reprise.processing.pending import FailedDecisions
from reprise.processing.ports import Delivery, Index, Observer, PendingDecisions, Source
from reprise.processing.processor import ArticleProcessor
from reprise.processing.rejections import RejectionHistory
from reprise.processing.retry import Retrier, ShutdownTimeout
from reprise.processing.shutdown import StopRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _DecodedBatch:
    """The messages of one poll, or the first of them, decoded. `polled_at` is on the monotonic clock."""

    messages: Sequence[Message | CorruptRecord]
    entries: Sequence[Entry]
    polled_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _InFlightBatch:
    """A batch whose decisions are in flight, with the circuit's state behind it."""

    batch: _DecodedBatch
    circuit: CircuitState
    pending: PendingDecisions
    submit_seconds: float


@dataclass(kw_only=True)
class Pipeline:
    """One loop over one source, in the thread that calls `run`."""

    source: Source
    index: Index
    delivery: Delivery
    observer: Observer
    processor: ArticleProcessor
    stop: StopRequest
    retrier: Retrier
    limits: CircuitLimits
    #: whether to poll the next batch while the index decides the one before it
    reads_ahead: bool = True
    #: seconds after which a batch is cut between two messages: hostile markup takes up to 0.25 s a message, and a batch
    #: must end before the group removes this worker and before the liveness probe fails
    decode_seconds: float = 5.0
    #: seconds since the epoch: the time of decisions and dead letters
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    _circuit: CircuitState = field(default_factory=CircuitState, init=False)
    _rejections: RejectionHistory = field(init=False)
    #: messages of the last poll that are not decoded yet
    _postponed: Sequence[Message | CorruptRecord] = field(default=(), init=False)

    def __post_init__(self) -> None:
        self._rejections = RejectionHistory(self.limits.window)

    def run(self) -> bool:
        """Deliver batch after batch until a stop is requested, then finish what is in hand: two batches at most.

        Returns True if everything that was polled is delivered; False if a dependency stayed unreachable through the
        drain timeout. Raises Fatal, CircuitOpen among them. After False or an error the batches in hand are
        uncommitted: a restart reads them again.
        """
        in_flight: _InFlightBatch | None = None
        try:
            while in_flight or not self.stop.requested:
                # The index decides one batch while the next one is polled and decoded, and the one before published.
                following = self._decode(self._poll_next(in_flight))
                decisions = self._wait_for_decisions(in_flight) if in_flight else ()
                decided, in_flight = in_flight, self._submit(following) if following.messages else None
                if decided:
                    self._deliver(decided, decisions)
        except ShutdownTimeout:
            return False
        return True

    def _poll_next(self, in_flight: _InFlightBatch | None) -> Sequence[Message | CorruptRecord]:
        if in_flight and not self.reads_ahead:
            return ()
        if self._postponed:
            return self.retrier.call(Dependency.KAFKA, self._take_postponed)
        seconds = 0 if in_flight else self.retrier.timeouts.poll_timeout_seconds
        return self.retrier.call(Dependency.KAFKA, partial(self._poll, seconds))

    def _poll(self, seconds: float) -> Sequence[Message | CorruptRecord]:
        if self.stop.requested:  # between two attempts: the batch in hand must not wait for new messages
            return ()
        try:
            messages = self.source.poll(seconds)
        except Unreachable:
            self.observer.polled(0)  # the poll completed: the loop is alive
            raise
        self.observer.polled(len(messages))
        return messages

    def _take_postponed(self) -> Sequence[Message | CorruptRecord]:
        """Return the messages that the batch before left undecoded. A poll without messages keeps the membership."""
        if not self.stop.requested:
            self.source.pause()
            try:
                unexpected = self.source.poll(0)
            finally:
                self.observer.polled(0)
                self.source.resume()
            if unexpected:  # dropping them would lose them: the next commit lies behind them
                raise Fatal("the source delivered messages while it was paused")
        postponed, self._postponed = self._postponed, ()
        return () if self.stop.requested else postponed

    def _decode(self, messages: Sequence[Message | CorruptRecord]) -> _DecodedBatch:
        polled_at = self.monotonic()
        deadline = polled_at + self.decode_seconds
        count, entries = decode_batch(
            messages,
            self.processor,
            self.observer,
            is_over=lambda: self.stop.requested or self.monotonic() >= deadline,
        )
        # After a stop request the others are read again by the next owner of their partition.
        messages, self._postponed = messages[:count], () if self.stop.requested else messages[count:]
        if articles := sum(isinstance(entry, Decoded) for entry in entries):
            self.observer.fingerprinted(articles, self.monotonic() - polled_at)
        return _DecodedBatch(messages=messages, entries=entries, polled_at=polled_at)

    def _submit(self, batch: _DecodedBatch) -> _InFlightBatch:
        if not self._circuit.recent:
            metadata = self.retrier.call(Dependency.KAFKA, self.source.read_offset_metadata)
            self._circuit = circuit_breaker.deserialize(metadata)
        started = self.monotonic()
        try:
            # Checked before anything of the batch is sent: a restart must meet the messages that open the circuit.
            self._circuit = self._check_circuit(batch)
            pending = self._submit_articles(batch)
        except RepriseError as error:  # raised in its turn: the batch before this one can still be delivered
            pending = FailedDecisions(error)
        return _InFlightBatch(
            batch=batch, circuit=self._circuit, pending=pending, submit_seconds=self.monotonic() - started
        )

    def _check_circuit(self, batch: _DecodedBatch) -> CircuitState:
        """Return the circuit's state behind a batch. Raises CircuitOpen, with the reasons of the rejections."""
        self._rejections.add(batch.entries)
        rejected = [isinstance(entry, Rejected) for entry in batch.entries]
        try:
            return circuit_breaker.update(self.limits, self._circuit, rejected)
        except CircuitOpen as error:
            raise CircuitOpen(error.limit, self._rejections.count_reasons()) from None

    def _submit_articles(self, batch: _DecodedBatch) -> PendingDecisions:
        fingerprints = [entry.fingerprint for entry in batch.entries if isinstance(entry, Decoded)]
        return submit_by_namespace(self.index, fingerprints, int(self.clock() * 1000))

    def _wait_for_decisions(self, in_flight: _InFlightBatch) -> Sequence[Decision]:
        unread = [in_flight.pending]

        def attempt() -> Sequence[Decision]:
            started = self.monotonic()
            # The index returns recorded decisions again, so a batch may be submitted any number of times.
            submit_seconds = in_flight.submit_seconds if unread else 0.0
            decisions = (unread.pop() if unread else self._submit_articles(in_flight.batch)).result()
            if decisions:
                now = self.monotonic()
                index_wait_seconds = submit_seconds + now - started
                self.observer.decided(decisions, index_wait_seconds, now - in_flight.batch.polled_at)
            return decisions

        return self.retrier.call(Dependency.REDIS, attempt)

    def _deliver(self, decided: _InFlightBatch, decisions: Sequence[Decision]) -> None:
        batch = decided.batch
        outcomes = build_outcomes(batch.messages, batch.entries, decisions, processor=self.processor, now=self.clock())
        # An event that is published again has the same id: nothing is lost, and a consumer can drop the repetition.
        deliver = partial(self.delivery.deliver, outcomes, circuit_breaker.serialize(decided.circuit))
        self._report(self.retrier.call(Dependency.KAFKA, deliver))

    def _report(self, delivered: Sequence[Delivered]) -> None:
        for each in delivered:
            if each.record is None:
                self.observer.skipped()
            elif each.record.rejection is not None:
                self.observer.dead_lettered(each.message, each.record.rejection)
        self.observer.delivered([each.message for each in delivered])
