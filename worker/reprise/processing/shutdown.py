"""The request to stop, made by a signal or by an input that has ended, and read by the loop."""

import time
from collections.abc import Callable
from typing import Final

#: Seconds between two looks at the request while waiting: nobody notices so little.
_NAP_SECONDS: Final = 0.1


class StopRequest:
    """Whether stopping was asked for, and how long ago.

    Holds no lock: a signal handler runs inside the thread that it interrupts, which could hold it already.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
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

    def wait(self, seconds: float) -> None:
        """Return after so long, or soon after stopping is asked for."""
        until = self._monotonic() + seconds
        while not self.requested and (left := until - self._monotonic()) > 0:
            self._sleep(min(left, _NAP_SECONDS))
