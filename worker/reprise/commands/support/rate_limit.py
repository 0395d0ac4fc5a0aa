"""Release the messages of a crawl at a rate, in real time."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from reprise.errors import UsageError
from reprise.synthetic.burst import SECOND_US, STEADY, Burst

T = TypeVar("T")

#: Messages of a batch, at most. At this size a round trip to a broker costs little per message.
_MAX_BATCH: Final = 500

#: Messages per second: one a day, and more than one process can write.
MIN_RATE, MAX_RATE = 1 / 86_400, 1_000_000

#: Microseconds of the stream in a batch: twenty batches a second look like a steady rate.
_BATCH_US: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """The rate and the duration of a stream of messages.

    rate              messages per second outside of a burst; 0 for no limit
    duration_seconds  None for no limit
    max_batch         messages of a batch, at most
    """

    rate: float = 0
    burst: Burst = STEADY
    duration_seconds: float | None = None
    max_batch: int = _MAX_BATCH

    def max_messages(self) -> int | None:
        """Return the number of messages that are due within the duration; None without a rate or a duration."""
        if not self.rate or self.duration_seconds is None:
            return None
        return self._due_messages(round(self.duration_seconds * SECOND_US))

    def due_seconds(self, released: int) -> float:
        """Return when the message after `released` others is due, in seconds after the first; 0 without a rate."""
        return self.burst.clock_us(round(released * SECOND_US / self.rate)) / SECOND_US if self.rate else 0.0

    def batch_size(self, released: int) -> int:
        """Return the size of the batch after `released` messages."""
        if not self.rate:
            return self.max_batch
        now_us = self.burst.clock_us(round(released * SECOND_US / self.rate))
        return min(self.max_batch, max(1, self._due_messages(now_us + _BATCH_US) - released))

    def _due_messages(self, clock_us: int) -> int:
        return round(self.burst.steady_us(clock_us) * self.rate / SECOND_US)


def check_rate(rate: float) -> float:
    """Return the value of the option --rate. Raises UsageError."""
    if rate and not MIN_RATE <= rate <= MAX_RATE:
        raise UsageError(
            f"--rate: invalid value {rate:g}; allowed: 0, or from 1/86400 to {MAX_RATE} messages per second"
        )
    return rate


def limit_rate(
    messages: Iterable[T],
    rate_limit: RateLimit,
    clock: Callable[[], float] = time.monotonic,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[list[T]]:
    """Yield the messages in batches, each when it is due.

    If the consumer is slower than the rate, overdue batches follow each other without a wait. With a rate, the
    duration bounds the number of messages; without one, it bounds the time by the clock.
    """
    released, remaining = 0, islice(messages, rate_limit.max_messages())
    batch = list(islice(remaining, rate_limit.batch_size(released)))
    start = clock()  # after the first batch, because generating it includes the set-up of the crawl
    while batch:
        wait(max(0.0, start + rate_limit.due_seconds(released) - clock()))
        if (
            rate_limit.duration_seconds is not None
            and not rate_limit.rate
            and clock() - start >= rate_limit.duration_seconds
        ):
            return
        yield batch
        released += len(batch)
        batch = list(islice(remaining, rate_limit.batch_size(released)))
