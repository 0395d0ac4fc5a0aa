"""The loop: poll, decode, decide, publish, commit.

A bad message goes to the dead letters. While a dependency is unreachable the batch is kept and retried. A Fatal error
passes through, and nothing of the batch is committed.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from reprise.errors import CircuitOpen, Fatal, RepriseError, Unreachable
from reprise.model import CorruptRecord, Decision, Delivered, Dependency, Message, Outcome, Stage
from reprise.processing import circuit_breaker
from reprise.processing.batch import Decoded, Entry, Rejected, build_outcomes, decode_batch
from reprise.processing.circuit_breaker import CircuitLimits, CircuitState
from reprise.processing.contention import ContentionMonitor
from reprise.processing.namespace_fanout import submit_by_namespace
from reprise.processing.pending import FailedDecisions
from reprise.processing.ports import Delivery, Index, Observer, PendingDecisions, Source, ValueSchemas
from reprise.processing.processor import ArticleProcessor
from reprise.processing.rejections import RejectionHistory
from reprise.processing.retry import Retrier, ShutdownTimeout
from reprise.processing.shutdown import StopRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _DecodedBatch:
    """The messages of one poll, or the first of them, decoded. Both times are on the monotonic clock."""

    messages: Sequence[Message | CorruptRecord]
    entries: Sequence[Entry]
    polled_at: float
    decoded_at: float


#: Seconds that an idle poll waits for messages while offsets are being committed. The broker takes 5 ms to 10 ms.
_COMMIT_SECONDS: Final = 0.02

#: Seconds without a poll after which the rest of a cut batch waits for one. Such a poll pauses and resumes the
#: partitions, which costs as much CPU time as the decisions of four articles.
_MEMBERSHIP_SECONDS: Final = 1.0

_EMPTY: Final = _DecodedBatch(messages=(), entries=(), polled_at=0.0, decoded_at=0.0)


@dataclass(slots=True, kw_only=True)
class _InFlightBatch:
    """A batch whose decisions are in flight, with the circuit's state behind it.

    index_seconds: time spent in calls of the index so far
    """

    batch: _DecodedBatch
    circuit: CircuitState
    pending: PendingDecisions
    index_seconds: float


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
    #: schemas to load before a batch is decoded; None if values need none
    schemas: ValueSchemas | None = None
    #: whether to poll the next batch while the index decides the one before it
    reads_ahead: bool = True
    #: Smaller batches are finished before the next poll. Overlapping saves the worker's waits for Redis, but an event
    #: then waits for the delivery of two other batches, which takes longer than all else where batches are small.
    overlap_min_messages: int = 50
    #: seconds after which a batch is cut between two messages: hostile markup takes up to 0.25 s a message, and a batch
    #: must end before the group removes this worker and before the liveness probe fails
    decode_seconds: float = 5.0
    #: seconds since the epoch: the time of decisions and dead letters
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    #: conflicts with other workers, which bound the batches
    contention: ContentionMonitor = field(default_factory=ContentionMonitor)
    _circuit: CircuitState = field(default_factory=CircuitState, init=False)
    _rejections: RejectionHistory = field(init=False)
    #: the batch that is published and whose offsets are being committed, with the offset metadata
    _begun: tuple[Sequence[Outcome], str] | None = field(default=None, init=False)
    #: messages of the last poll that are not decoded yet
    _postponed: Sequence[Message | CorruptRecord] = field(default=(), init=False)
    #: time of the last poll, on the monotonic clock
    _polled_at: float = field(default=float("-inf"), init=False)

    def __post_init__(self) -> None:
        self._rejections = RejectionHistory(self.limits.window)

    def run(self) -> bool:
        """Deliver batch after batch until a stop is requested, then finish those in hand: three at most.

        Returns True if everything that was polled is delivered; False if a dependency stayed unreachable through the
        drain timeout. Raises Fatal, CircuitOpen among them. After False or an error the batches in hand are
        uncommitted: a restart reads them again.
        """
        recording: _InFlightBatch | None = None
        looked_up: _InFlightBatch | None = None
        try:
            while recording or looked_up or not self.stop.requested:
                messages = self._poll_next(is_idle=recording is None and looked_up is None)
                if self.schemas is not None and (missing := self.schemas.missing(messages)):
                    # The decided batches must not wait for the registry.
                    while recording or looked_up:
                        recording, looked_up = self._advance(recording, looked_up, _EMPTY)
                    self._finish_delivery()
                    self.retrier.call(Dependency.SCHEMA_REGISTRY, partial(self.schemas.load, missing))
                following = self._decode(messages)
                recording, looked_up = self._advance(recording, looked_up, following)
                while (recording or looked_up) and len(following.messages) < self.overlap_min_messages:
                    recording, looked_up = self._advance(recording, looked_up, _EMPTY)
                if not following.messages:
                    self._finish_delivery()
            self._finish_delivery()
        except ShutdownTimeout:
            return False
        return True

    def _advance(
        self, recording: _InFlightBatch | None, looked_up: _InFlightBatch | None, following: _DecodedBatch
    ) -> tuple[_InFlightBatch | None, _InFlightBatch | None]:
        """Deliver a batch whose decisions are being recorded, decide the next one, and look up the one that follows.

        While the first is published and another batch polled and decoded, the index records the decisions of the second
        and looks up the third. A batch is decided only once the one before it is recorded, so their order holds.

        Returns the batches that are then being recorded and looked up.
        """
        decisions = self._wait_for_decisions(recording) if recording else ()
        if looked_up:
            started = self.monotonic()
            looked_up.pending.begin_commit()
            looked_up.index_seconds += self.monotonic() - started
        submitted = self._submit(following) if following.messages else None
        if recording:
            self._deliver(recording, decisions)
        return looked_up, submitted

    def _poll_next(self, *, is_idle: bool) -> Sequence[Message | CorruptRecord]:
        if not is_idle and not self.reads_ahead:
            return ()
        if self._postponed:
            return self.retrier.call(Dependency.KAFKA, self._take_postponed)
        timeout_seconds = self.retrier.timeouts.poll_timeout_seconds
        if self._begun:  # the commit ends meanwhile, and is reported after the poll
            timeout_seconds = min(timeout_seconds, _COMMIT_SECONDS)
        seconds = timeout_seconds if is_idle else 0
        return self.retrier.call(Dependency.KAFKA, partial(self._poll, seconds))

    def _poll(self, seconds: float) -> Sequence[Message | CorruptRecord]:
        if self.stop.requested:  # between two attempts: the batch in hand must not wait for new messages
            return ()
        self._polled_at = self.monotonic()
        try:
            messages = self.source.poll(seconds)
        except Unreachable:
            self.observer.polled(0)  # the poll completed: the loop is alive
            raise
        self.observer.polled(len(messages))
        return messages

    def _take_postponed(self) -> Sequence[Message | CorruptRecord]:
        """Return the messages that the batch before left undecoded. A poll without messages keeps the membership."""
        if not self.stop.requested and self.monotonic() - self._polled_at >= _MEMBERSHIP_SECONDS:
            self._polled_at = self.monotonic()
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
        if messages and (timestamp_ms := getattr(messages[0], "timestamp_ms", None)) is not None:
            self.observer.stage_completed(Stage.FETCH, max(0.0, self.clock() - timestamp_ms / 1000))
        deadline = polled_at + self.decode_seconds
        # Batches that the commits of another worker may disturb are small, and finished one by one.
        limit = self.overlap_min_messages - 1 if self.contention.is_contended else 0
        count, entries = decode_batch(
            messages[: limit or None],
            self.processor,
            self.observer,
            is_over=lambda: self.stop.requested or self.monotonic() >= deadline,
        )
        # After a stop request the others are read again by the next owner of their partition.
        messages, self._postponed = messages[:count], () if self.stop.requested else messages[count:]
        decoded_at = self.monotonic()
        if articles := sum(isinstance(entry, Decoded) for entry in entries):
            self.observer.fingerprinted(articles, decoded_at - polled_at)
            self.observer.stage_completed(Stage.TEXT, decoded_at - polled_at)
        return _DecodedBatch(messages=messages, entries=entries, polled_at=polled_at, decoded_at=decoded_at)

    def _submit(self, batch: _DecodedBatch) -> _InFlightBatch:
        if not self._circuit.recent:
            metadata = self.retrier.call(Dependency.KAFKA, self.source.read_offset_metadata)
            self._circuit = circuit_breaker.deserialize(metadata)
        started = self.monotonic()
        self.observer.stage_completed(Stage.READ_AHEAD, started - batch.decoded_at)
        try:
            # Checked before anything of the batch is sent: a restart must meet the messages that open the circuit.
            self._circuit = self._check_circuit(batch)
            pending = self._submit_articles(batch)
        except RepriseError as error:  # raised in its turn: the batch before this one can still be delivered
            pending = FailedDecisions(error)
        return _InFlightBatch(
            batch=batch, circuit=self._circuit, pending=pending, index_seconds=self.monotonic() - started
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
        fingerprints = [
            self.processor.with_current_seed(entry.article, entry.fingerprint)
            for entry in batch.entries
            if isinstance(entry, Decoded)
        ]
        return submit_by_namespace(self.index, fingerprints, int(self.clock() * 1000))

    def _wait_for_decisions(self, in_flight: _InFlightBatch) -> Sequence[Decision]:
        unread = [in_flight.pending]

        def attempt() -> Sequence[Decision]:
            started = self.monotonic()
            # The index returns recorded decisions again, so a batch may be submitted any number of times.
            index_seconds = in_flight.index_seconds if unread else 0.0
            decisions = (unread.pop() if unread else self._submit_articles(in_flight.batch)).result()
            if decisions:
                now = self.monotonic()
                index_seconds += now - started
                self.contention.record(decisions)
                self.observer.decided(decisions, index_seconds, now - in_flight.batch.polled_at)
            return decisions

        return self.retrier.call(Dependency.REDIS, attempt)

    def _deliver(self, decided: _InFlightBatch, decisions: Sequence[Decision]) -> None:
        """Publish a batch and start committing it, after the commit of the one before has ended."""
        self._finish_delivery()
        batch = decided.batch
        outcomes = build_outcomes(batch.messages, batch.entries, decisions, processor=self.processor, now=self.clock())
        # An event that is published again has the same id: nothing is lost, and a consumer can drop the repetition.
        metadata = circuit_breaker.serialize(decided.circuit)
        self.retrier.call(Dependency.KAFKA, partial(self.delivery.begin, outcomes, metadata))
        self._begun = outcomes, metadata
        if not self.reads_ahead:
            self._finish_delivery()

    def _finish_delivery(self) -> None:
        """Wait for the commit of the batch that was published last."""
        begun, self._begun = self._begun, None
        if begun:
            self._report(self.retrier.call(Dependency.KAFKA, partial(self.delivery.deliver, *begun)))

    def _report(self, delivered: Sequence[Delivered]) -> None:
        for each in delivered:
            if each.record is None:
                self.observer.skipped()
            elif each.record.rejection is not None:
                self.observer.dead_lettered(each.message, each.record.rejection)
        self.observer.delivered([each.message for each in delivered])
