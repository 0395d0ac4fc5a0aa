"""Decorators of the Source, the Index and the Delivery that learn before the cutoff and publish only after it."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from reprise.model import CorruptRecord, Delivered, Fingerprint, Message, Outcome
from reprise.processing.ports import Delivery, Index, Observer, Partition, PendingDecisions, Source
from reprise.warm_up.cutoff import ConsumedRecord, Cutoff, WarmUpPhase

#: Seconds between two refreshes of the cutoff while messages are held back.
REFRESH_SECONDS: Final = 1.0

#: Seconds between two progress reports.
PROGRESS_SECONDS: Final = 30.0


class LearningIndex(Index, Protocol):
    """An index that can learn what a previous index decided."""

    def learn(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        """Submit articles as `submit` does, and record the previous index's stories and decisions for them."""


class RewindableSource(Source, Protocol):
    """A source that can read messages again."""

    def rewind(self, offsets: Mapping[Partition, int]) -> None:
        """Stop fetching these partitions until `resume`, and then fetch from these offsets."""


class WarmUpSource:
    """A Source whose batches are either learned or live as a whole; `is_learning` applies to the last batch."""

    def __init__(
        self,
        source: RewindableSource,
        cutoff: Cutoff,
        observer: Observer,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.is_learning = True
        self._source = source
        self._cutoff = cutoff
        self._observer = observer
        self._monotonic = monotonic
        self._is_paused = False
        self._is_rewound = False
        self._is_waiting = False
        self._is_live = False
        self._refreshed_at = self._reported_at = monotonic()
        self._learned = 0

    def poll(self, timeout_seconds: float) -> Sequence[ConsumedRecord]:
        """See Source."""
        if self._is_paused:
            return self._source.poll(timeout_seconds)
        self._resume_rewound()
        batch = self._cut(self._source.poll(timeout_seconds))
        if batch:
            self.is_learning = self._cutoff.phase(batch[0]) is WarmUpPhase.LEARN
            self._learned += len(batch) if self.is_learning else 0
        self._report(is_live=bool(batch) and not self.is_learning)
        return batch

    def read_offset_metadata(self) -> Sequence[str]:
        """See Source."""
        return self._source.read_offset_metadata()

    def pause(self) -> None:
        """See Source."""
        self._is_paused = True
        self._source.pause()

    def resume(self) -> None:
        """See Source. Rewound messages are polled again, and rewound again if they still have to wait."""
        self._is_paused = self._is_rewound = False
        self._source.resume()

    def close(self) -> None:
        """See Source."""
        self._source.close()

    def _resume_rewound(self) -> None:
        """Fetch rewound partitions again: after a refresh if messages wait for the other group, else at once."""
        if self._is_waiting:
            if self._monotonic() - self._refreshed_at < REFRESH_SECONDS:
                return
            # The time is set before the refresh, so that a refresh that fails is not repeated at once.
            self._refreshed_at = self._monotonic()
            self._cutoff.refresh()
        if self._is_rewound:
            self.resume()

    def _cut(self, messages: Sequence[ConsumedRecord]) -> Sequence[ConsumedRecord]:
        """Keep the first messages of each partition that share one phase, LEARN before LIVE; rewind the others."""
        phases = [self._cutoff.phase(message) for message in messages]
        wanted = WarmUpPhase.LEARN if WarmUpPhase.LEARN in _first_phases(messages, phases) else WarmUpPhase.LIVE
        batch: list[ConsumedRecord] = []
        rewound: dict[Partition, int] = {}
        is_waiting = self._is_waiting and self._is_rewound
        for message, phase in zip(messages, phases, strict=True):
            partition = (message.topic, message.partition)
            if partition not in rewound and phase is wanted:
                batch.append(message)
            else:
                rewound.setdefault(partition, message.offset)
                is_waiting = is_waiting or phase is WarmUpPhase.WAIT
        self._is_waiting = is_waiting
        if rewound:
            self._is_rewound = True
            self._source.rewind(rewound)
        return batch

    def _report(self, *, is_live: bool) -> None:
        if self._is_live:
            return
        now = self._monotonic()
        if is_live:
            self._is_live = True
            self._observer.warm_up_over(self._learned)
        elif now - self._reported_at >= PROGRESS_SECONDS:
            self._reported_at = now
            self._observer.warm_up_progress(self._learned, self._is_waiting)


def _first_phases(messages: Sequence[ConsumedRecord], phases: Sequence[WarmUpPhase]) -> Sequence[WarmUpPhase]:
    """Return the phase of the first message of each partition."""
    first: dict[Partition, WarmUpPhase] = {}
    for message, phase in zip(messages, phases, strict=True):
        first.setdefault((message.topic, message.partition), phase)
    return list(first.values())


class WarmUpIndex:
    """An Index that learns the batches before the cutoff and decides the others."""

    def __init__(self, index: LearningIndex, source: WarmUpSource) -> None:
        self._index = index
        self._source = source

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        """See Index."""
        if self._source.is_learning:
            return self._index.learn(namespace, fingerprints, now_ms)
        return self._index.submit(namespace, fingerprints, now_ms)

    def close(self) -> None:
        """See Index."""
        self._index.close()


class WarmUpDelivery:
    """A Delivery that commits the batches before the cutoff without publishing; metrics count them as usual."""

    def __init__(self, delivery: Delivery, source: WarmUpSource) -> None:
        self._delivery = delivery
        self._source = source

    def begin(self, outcomes: Sequence[Outcome], offset_metadata: str) -> None:
        """Do nothing: `deliver` follows at once, because a warm-up does not read ahead."""

    def deliver(self, outcomes: Sequence[Outcome], offset_metadata: str) -> Sequence[Delivered]:
        """See Delivery."""
        if not self._source.is_learning:
            return self._delivery.deliver(outcomes, offset_metadata)
        records = {_position(outcome.message): outcome.record for outcome in outcomes}
        without_records = [Outcome(message=outcome.message) for outcome in outcomes]
        committed = self._delivery.deliver(without_records, offset_metadata)
        return [
            Delivered(message=delivered.message, record=records[_position(delivered.message)])
            for delivered in committed
        ]

    def close(self) -> None:
        """See Delivery."""
        self._delivery.close()


def _position(message: Message | CorruptRecord) -> tuple[str, int, int]:
    return message.topic, message.partition, message.offset
