"""The pace of a crawl in real time: which messages are due by now."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from reprise.synthetic.burst import SECOND_US, STEADY, Burst

T = TypeVar("T")

#: messages handed over at once at most: enough that a round trip to a broker costs each next to nothing
_BATCH: Final = 500

#: microseconds of a batch at a rate: nobody sees that twenty a second are steps
_BATCH_US: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """`rate` messages a second outside of a burst, 0 for no limit; `duration_seconds` is how long, None for no end."""

    rate: float = 0
    burst: Burst = STEADY
    duration_seconds: float | None = None

    def messages(self) -> int | None:
        """Say how many are due within the duration; None where nothing or only the clock says so."""
        if not self.rate or self.duration_seconds is None:
            return None
        return self._due(round(self.duration_seconds * SECOND_US))

    def due_seconds(self, given: int) -> float:
        """Say when the message after so many is due, in seconds from the first; 0 where there is no rate."""
        return self.burst.clock_us(round(given * SECOND_US / self.rate)) / SECOND_US if self.rate else 0.0

    def batch(self, given: int) -> int:
        """Say how many messages to hand over together after so many."""
        if not self.rate:
            return _BATCH
        now_us = self.burst.clock_us(round(given * SECOND_US / self.rate))
        return min(_BATCH, max(1, self._due(now_us + _BATCH_US) - given))

    def _due(self, clock_us: int) -> int:
        return round(self.burst.steady_us(clock_us) * self.rate / SECOND_US)


def limit_rate(
    messages: Iterable[T],
    pace: RateLimit,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[list[T]]:
    """Cut the messages into batches, each given out once it is due.

    A consumer that is late is not made later: the batches that are due by then follow each other at once. Without a
    rate the duration ends by the clock; with one it is a number of messages, whenever the last of them is out.
    """
    given, left = 0, islice(messages, pace.messages())
    batch = list(islice(left, pace.batch(given)))
    start = clock()  # not before the first batch: with it the whole world is made
    while batch:
        wait(max(0.0, start + pace.due_seconds(given) - clock()))
        if pace.duration_seconds is not None and not pace.rate and clock() - start >= pace.duration_seconds:
            return
        yield batch
        given += len(batch)
        batch = list(islice(left, pace.batch(given)))
