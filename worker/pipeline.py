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

from worker.batch import Dead, Read, Steps, outcomes, sort
from worker.circuit import Circuit, CircuitLimits, judge, note, recall
from worker.errors import Unreachable
from worker.model import Decision, Dependency, Fingerprint, Message, Outcome, Unreadable
from worker.namespaces import by_namespace
from worker.patience import GivenUpError, Patience
from worker.ports import Delivery, Index, Observer, Source
from worker.stop import Stop


@dataclass(kw_only=True)
class Pipeline:
    """One loop over one source, in the thread that calls `run`."""

    source: Source
    index: Index
    delivery: Delivery
    observer: Observer
    steps: Steps
    stop: Stop
    patience: Patience
    limits: CircuitLimits = field(default_factory=CircuitLimits)
    #: seconds since the epoch: what decisions and dead letters carry
    clock: Callable[[], float] = time.time
    _circuit: Circuit = field(default_factory=Circuit, init=False)

    def run(self) -> bool:
        """Deliver batch after batch until asked to stop, then finish the one in hand.

        Returns whether everything that was read is delivered: False where a dependency stayed away through the drain.
        Raises Fatal, CircuitOpen among them. In both cases the batch in hand is uncommitted: a restart reads it again.
        """
        try:
            while not self.stop.requested:
                if messages := self.patience.insist(Dependency.KAFKA, self._poll):
                    self._deliver(messages)
        except GivenUpError:
            return False
        return True

    def _deliver(self, messages: Sequence[Message | Unreadable]) -> None:
        entries = self._read(messages)
        if not self._circuit.recent:
            self._circuit = recall(self.patience.insist(Dependency.KAFKA, self.source.notes))
        # Judged before anything of it is sent: what opens the circuit must be met again after a restart.
        self._circuit = judge(self.limits, self._circuit, [isinstance(entry, Dead) for entry in entries])
        fingerprints = [entry.fingerprint for entry in entries if isinstance(entry, Read)]
        # Each step is tried until it is done. The index gives a recorded decision again, and an event that is sent
        # again carries the same id: nothing is lost, and at worst something is said twice.
        insist = self.patience.insist
        decisions = insist(Dependency.REDIS, lambda: self._decide(fingerprints))
        led_to = outcomes(messages, entries, decisions, steps=self.steps, now=self.clock())
        self._tell(insist(Dependency.KAFKA, lambda: self.delivery.deliver(led_to, note(self._circuit))))

    def _poll(self) -> Sequence[Message | Unreadable]:
        if self.stop.requested:  # between two tries: there is no batch in hand to wait for
            return ()
        try:
            messages = self.source.poll(self.patience.pace.poll_timeout_seconds)
        except Unreachable:
            self.observer.polled(0)  # the loop lives, whatever it was told
            raise
        self.observer.polled(len(messages))
        return messages

    def _read(self, messages: Sequence[Message | Unreadable]) -> Sequence[Read | Dead]:
        started = time.monotonic()
        entries = sort(messages, self.steps, self.observer.failed)
        if articles := sum(isinstance(entry, Read) for entry in entries):
            self.observer.fingerprinted(articles, time.monotonic() - started)
        return entries

    def _decide(self, fingerprints: Sequence[Fingerprint]) -> Sequence[Decision]:
        if not fingerprints:
            return ()
        started = time.monotonic()
        decisions = by_namespace(self.index.decide, fingerprints, int(self.clock() * 1000))
        self.observer.decided(decisions, time.monotonic() - started)
        return decisions

    def _tell(self, delivered: Sequence[tuple[Outcome, int]]) -> None:
        for outcome, number in delivered:
            if not outcome.records:
                self.observer.skipped()
            elif reason := outcome.reasons[number]:
                self.observer.binned(reason, outcome.message)
        self.observer.delivered([outcome.message for outcome, _ in delivered])
