"""Learning in silence: a worker of a new index reads what another has told, and tells only what comes after.

May live here: the three decorators that keep the silence: of the Source, which cuts the batches where it ends, of the
Index, which learns what is silent, and of the Delivery, which commits it and tells nothing. May not: anything that
knows Kafka or Redis.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from reprise.model import CorruptRecord, Fingerprint, Message, Outcome
from reprise.processing.ports import Answers, Delivery, Index, Partition, Source
from reprise.warm_up.cutoff import Cutoff, WarmUpPhase

#: Seconds between two looks at the other group while messages wait for it.
LOOK_SECONDS: Final = 1.0

#: Seconds between two lines of progress.
PROGRESS_SECONDS: Final = 30.0

_Read = Message | CorruptRecord


class LearningIndex(Index, Protocol):
    """An index that learns what another has decided."""

    def learn(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Answers:
        """Ask as `ask` does, but under the other's stories, and record the other's decision."""


class RewindableSource(Source, Protocol):
    """A source that takes messages back."""

    def put_back(self, positions: Mapping[Partition, int]) -> None:
        """Fetch nothing more of these partitions until `resume`, and then begin there."""


class WarmUpSource:
    """The Source that hands out no batch of both kinds: `silent` says of which kind the last one was."""

    def __init__(
        self,
        source: RewindableSource,
        until: Cutoff,
        tell: Callable[..., Any],
        live: Callable[[], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Cut what `source` gives.

        tell  takes a line for the log: its event, and fields
        live  is called once, when there is something to tell for the first time
        """
        self._source = source
        self._until = until
        self._tell = tell
        self._went_live = live
        self._monotonic = monotonic
        self.silent = True
        self._paused = False
        self._put_back = False
        self._waiting = False
        self._looked_at = self._told_at = monotonic()
        self._learnt = 0
        self._live = False

    def poll(self, timeout_seconds: float) -> Sequence[_Read]:
        """See Source."""
        if self._paused:
            return self._source.poll(timeout_seconds)
        self._take_up()
        messages = self._source.poll(timeout_seconds)
        batch = self._cut(messages)
        if batch:
            self.silent = self._until.verdict(batch[0]) is WarmUpPhase.SILENT
            self._learnt += len(batch) if self.silent else 0
        self._note(told=bool(batch) and not self.silent)
        return batch

    def notes(self) -> Sequence[str]:
        """See Source."""
        return self._source.notes()

    def pause(self) -> None:
        """See Source."""
        self._paused = True
        self._source.pause()

    def resume(self) -> None:
        """See Source. What was put back comes again, and is put back again if it still has to wait."""
        self._paused = self._put_back = False
        self._source.resume()

    def close(self) -> None:
        """See Source."""
        self._source.close()

    def _take_up(self) -> None:
        """Go on with what was put back: at once behind a cut, after a look at the group where it waits for that."""
        if self._waiting:
            if self._monotonic() - self._looked_at < LOOK_SECONDS:
                return
            self._looked_at = self._monotonic()  # a look that fails is one, too: the next is due as long after it
            self._until.look()
        if self._put_back:
            self.resume()

    def _cut(self, messages: Sequence[_Read]) -> Sequence[_Read]:
        """Keep of each partition what comes first and is of one kind, silent before live; the rest goes back."""
        verdicts = [self._until.verdict(message) for message in messages]
        kind = WarmUpPhase.SILENT if WarmUpPhase.SILENT in _first_of_each(messages, verdicts) else WarmUpPhase.LIVE
        batch: list[_Read] = []
        back: dict[Partition, int] = {}
        waiting = self._waiting and self._put_back
        for message, verdict in zip(messages, verdicts, strict=True):
            partition = (message.topic, message.partition)
            if partition not in back and verdict is kind:
                batch.append(message)
            else:
                back.setdefault(partition, message.offset)
                waiting = waiting or verdict is WarmUpPhase.WAITING
        self._waiting = waiting
        if back:
            self._put_back = True
            self._source.put_back(back)
        return batch

    def _note(self, *, told: bool) -> None:
        if self._live:
            return
        now = self._monotonic()
        if told:
            self._live = True
            self._went_live()
            self._tell("warm_up_over", learnt=self._learnt)
        elif now - self._told_at >= PROGRESS_SECONDS:
            self._told_at = now
            self._tell("warm_up_progress", learnt=self._learnt, waiting=self._waiting)


def _first_of_each(messages: Sequence[_Read], verdicts: Sequence[WarmUpPhase]) -> Sequence[WarmUpPhase]:
    first: dict[Partition, WarmUpPhase] = {}
    for message, verdict in zip(messages, verdicts, strict=True):
        first.setdefault((message.topic, message.partition), verdict)
    return list(first.values())


class WarmUpIndex:
    """The Index that learns silent batches, and decides the others."""

    def __init__(self, index: LearningIndex, silent: Callable[[], bool]) -> None:
        self._index = index
        self._silent = silent

    def ask(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Answers:
        """See Index."""
        return (self._index.learn if self._silent() else self._index.ask)(namespace, fingerprints, now_ms)

    def close(self) -> None:
        """See Index."""
        self._index.close()


class WarmUpDelivery:
    """The Delivery that commits silent batches and tells nothing of them; what they would have led to is counted."""

    def __init__(self, delivery: Delivery, silent: Callable[[], bool]) -> None:
        self._delivery = delivery
        self._silent = silent

    def deliver(self, outcomes: Sequence[Outcome], note: str) -> Sequence[tuple[Outcome, int]]:
        """See Delivery."""
        if not self._silent():
            return self._delivery.deliver(outcomes, note)
        whole = {_place(outcome): outcome for outcome in outcomes}
        done = self._delivery.deliver([Outcome(message=outcome.message) for outcome in outcomes], note)
        return [(whole[_place(outcome)], 0) for outcome, _ in done]

    def close(self) -> None:
        """See Delivery."""
        self._delivery.close()


def _place(outcome: Outcome) -> tuple[str, int, int]:
    message = outcome.message
    return message.topic, message.partition, message.offset
