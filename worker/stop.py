"""The request to stop, made by a signal or by an input that has ended, and read by the loop."""

import time
from collections.abc import Callable


class Stop:
    """Whether stopping was asked for, and how long ago.

    Holds no lock: a signal handler runs inside the thread that it interrupts, which could hold it already.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._requested_at: float | None = None

    def request(self) -> None:
        """Ask the loop to finish the batch in hand and return; asking again changes nothing."""
        if self._requested_at is None:
            self._requested_at = self._monotonic()

    @property
    def requested(self) -> bool:
        """Whether stopping was asked for."""
        return self._requested_at is not None

    @property
    def seconds_ago(self) -> float:
        """Seconds since the first request; 0 before it."""
        return 0.0 if self._requested_at is None else self._monotonic() - self._requested_at
