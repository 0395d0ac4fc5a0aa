"""The worker's one sentence: poll, decide, emit, flush, commit.

The last three are what a Delivery does: one after the other (delivery.py), or in one transaction
(kafka/transactional.py).

May live here: the order of the steps. May not: anything that knows Kafka, Redis, JSON or a text. A message is bad
(bin it), a dependency is away (keep the batch, try again), or the worker cannot go on (Fatal passes through, and
nothing of the batch is committed).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from reprise.errors import RepriseError, Unreachable
from reprise.model import CorruptRecord, Decision, Dependency, Message, Outcome
from reprise.processing.batch import Decoded, Rejected, Steps, build_outcomes, decode_batch
from reprise.processing.circuit_breaker import CircuitLimits, CircuitState, deserialize, offset_metadata, update
from reprise.processing.namespace_fanout import submit_by_namespace
from reprise.processing.ports import Answers, Delivery, Index, Observer, Source
from reprise.processing.retry import Retrier, ShutdownTimeout
from reprise.processing.shutdown import StopRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What one poll gave, read."""

    messages: Sequence[Message | CorruptRecord]
    entries: Sequence[Decoded | Rejected]
    #: on the clock that only grows
    polled_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A batch that the index is asked about, with the circuit as it is behind it."""

    batch: _Batch
    circuit: CircuitState
    answers: Answers
    asking_seconds: float


@dataclass(kw_only=True)
class Pipeline:
    """One loop over one source, in the thread that calls `run`."""

    source: Source
    index: Index
    delivery: Delivery
    observer: Observer
    steps: Steps
    stop: StopRequest
    patience: Retrier
    limits: CircuitLimits = field(default_factory=CircuitLimits)
    #: whether the next batch is read while the index decides one; the source must then know which is which
    reads_ahead: bool = True
    #: seconds since the epoch: what decisions and dead letters carry
    clock: Callable[[], float] = time.time
    _circuit: CircuitState = field(default_factory=CircuitState, init=False)

    def run(self) -> bool:
        """Deliver batch after batch until asked to stop, then finish what is in hand: two batches at most.

        Returns whether everything that was read is delivered: False where a dependency stayed away through the drain.
        Raises Fatal, CircuitOpen among them. In both cases what is in hand is uncommitted: a restart reads it again.
        """
        asked: _Asked | None = None
        try:
            while asked or not self.stop.requested:
                # The index works on one batch while the one before it is delivered and the next one is read.
                ahead = self._read(self._ahead(asked))
                decisions = self._decisions(asked) if asked else ()
                decided, asked = asked, self._ask(ahead) if ahead.messages else None
                if decided:
                    self._deliver(decided, decisions)
        except ShutdownTimeout:
            return False
        return True

    def _ahead(self, asked: _Asked | None) -> Sequence[Message | CorruptRecord]:
        if asked and not self.reads_ahead:
            return ()
        seconds = 0 if asked else self.patience.pace.poll_timeout_seconds
        return self.patience.insist(Dependency.KAFKA, partial(self._poll, seconds))

    def _poll(self, seconds: float) -> Sequence[Message | CorruptRecord]:
        if self.stop.requested:  # between two tries: what is in hand waits for nothing more
            return ()
        try:
            messages = self.source.poll(seconds)
        except Unreachable:
            self.observer.polled(0)  # the loop lives, whatever it was told
            raise
        self.observer.polled(len(messages))
        return messages

    def _read(self, messages: Sequence[Message | CorruptRecord]) -> _Batch:
        polled_at = time.monotonic()
        entries = decode_batch(messages, self.steps, self.observer.unexpected_error)
        if articles := sum(isinstance(entry, Decoded) for entry in entries):
            self.observer.fingerprinted(articles, time.monotonic() - polled_at)
        return _Batch(messages=messages, entries=entries, polled_at=polled_at)

    def _ask(self, batch: _Batch) -> _Asked:
        if not self._circuit.recent:
            self._circuit = deserialize(self.patience.insist(Dependency.KAFKA, self.source.notes))
        started = time.monotonic()
        try:
            # Judged before anything of it is sent: what opens the circuit must be met again after a restart.
            self._circuit = update(self.limits, self._circuit, [isinstance(entry, Rejected) for entry in batch.entries])
            answers = self._question(batch)
        except RepriseError as error:  # told in its turn: the batch before this one can be delivered
            answers = Answers(partial(_raise, error))
        seconds = time.monotonic() - started
        return _Asked(batch=batch, circuit=self._circuit, answers=answers, asking_seconds=seconds)

    def _question(self, batch: _Batch) -> Answers:
        fingerprints = [entry.fingerprint for entry in batch.entries if isinstance(entry, Decoded)]
        return submit_by_namespace(self.index.ask, fingerprints, int(self.clock() * 1000))

    def _decisions(self, asked: _Asked) -> Sequence[Decision]:
        sent = [asked.answers]

        def attempt() -> Sequence[Decision]:
            started = time.monotonic()
            # The index gives a recorded decision again, so a batch may be asked for as often as it takes.
            asking = asked.asking_seconds if sent else 0.0
            decisions = (sent.pop() if sent else self._question(asked.batch)).wait()
            if decisions:
                now = time.monotonic()
                self.observer.decided(decisions, asking + now - started, now - asked.batch.polled_at)
            return decisions

        return self.patience.insist(Dependency.REDIS, attempt)

    def _deliver(self, asked: _Asked, decisions: Sequence[Decision]) -> None:
        batch = asked.batch
        led_to = build_outcomes(batch.messages, batch.entries, decisions, steps=self.steps, now=self.clock())
        # An event that is sent again carries the same id: nothing is lost, and at worst something is said twice.
        deliver = partial(self.delivery.deliver, led_to, offset_metadata(asked.circuit))
        self._tell(self.patience.insist(Dependency.KAFKA, deliver))

    def _tell(self, delivered: Sequence[tuple[Outcome, int]]) -> None:
        for outcome, number in delivered:
            if not outcome.records:
                self.observer.skipped()
            elif reason := outcome.reasons[number]:
                self.observer.dead_lettered(reason, outcome.message)
        self.observer.delivered([outcome.message for outcome, _ in delivered])


def _raise(error: RepriseError) -> Sequence[Decision]:
    raise error
