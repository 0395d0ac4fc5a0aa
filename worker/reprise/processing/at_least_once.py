"""How a batch goes out: what both ways of delivering share, and the default one. The other: kafka/transactional.py."""

import time
from collections.abc import Callable, Sequence

from reprise.errors import Fatal
from reprise.model import CorruptRecord, Message, Outcome
from reprise.processing.ports import Sink
from reprise.settings.groups import TimeSettings


def emit(outcomes: Sequence[Outcome], sink: Sink) -> Sequence[int]:
    """Hand over of each outcome the first record that its topic takes, in order, and return the numbers of those.

    Raises Unreachable, Fatal.
    """
    chosen = [0] * len(outcomes)
    left = [index for index, outcome in enumerate(outcomes) if outcome.records]
    while left:
        too_large = sink.send([outcomes[index].records[chosen[index]]() for index in left])
        left = [left[number] for number in too_large]
        for index in left:
            chosen[index] += 1
            if chosen[index] == len(outcomes[index].records):
                raise Fatal("a dead letter of headers alone is too large for its topic; raise max.message.bytes")
    return chosen


class AtLeastOnce:
    """The Delivery that commits after everything is acknowledged: a crash between the two repeats up to a batch."""

    def __init__(
        self,
        sink: Sink,
        commit: Callable[[Sequence[Message | CorruptRecord], str, float], None],
        *,
        flush_timeout_seconds: float = TimeSettings().flush_timeout_seconds,
    ) -> None:
        """Deliver within the time that the sink has to flush.

        commit  takes messages, a note and the seconds it has; leaves out partitions lost since their poll, and raises
                Unreachable where it may not have happened
        """
        self._flush_timeout_seconds = flush_timeout_seconds
        self._sink = sink
        self._commit = commit
        #: the batch that is acknowledged and not yet committed, and what was sent of it
        self._flushed: tuple[Sequence[Outcome], Sequence[int]] = ((), ())

    def deliver(self, outcomes: Sequence[Outcome], note: str) -> Sequence[tuple[Outcome, int]]:
        """See Delivery. Called again for a commit that failed, it sends nothing a second time."""
        until = time.monotonic() + self._flush_timeout_seconds
        if self._flushed[0] is not outcomes:
            chosen = emit(outcomes, self._sink)
            self._sink.flush()
            self._flushed = outcomes, chosen
        self._commit([outcome.message for outcome in outcomes], note, until - time.monotonic())
        delivered = list(zip(*self._flushed, strict=True))
        self._flushed = (), ()
        return delivered

    def close(self) -> None:
        """See Delivery."""
        self._sink.close()
