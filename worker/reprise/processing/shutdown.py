"""The request to stop: made by a signal handler or at the end of the input, read by the loop."""

import time
from collections.abc import Callable
from typing import Final

#: Seconds between two checks of the request while waiting.
_CHECK_SECONDS: Final = 0.1


class StopRequest:
    """A request to stop, and how long ago it was made.

    Holds no lock: a signal handler runs inside the thread that it interrupts, which could hold the lock already.
    """

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._requested_at: float | None = None

    def request(self) -> None:
        """Ask the loop to finish the batch in hand and return. Further calls change nothing."""
        if self._requested_at is None:
            self._requested_at = self._monotonic()

    @property
    def requested(self) -> bool:
        """Whether a stop was requested."""
        return self._requested_at is not None

    @property
    def seconds_ago(self) -> float:
        """Seconds since the first request; 0 before it."""
        return 0.0 if self._requested_at is None else self._monotonic() - self._requested_at

    def wait(self, seconds: float) -> None:
        """Sleep for `seconds`, or until a stop is requested."""
        deadline = self._monotonic() + seconds
        while not self.requested and (left := deadline - self._monotonic()) > 0:
            self._sleep(min(left, _CHECK_SECONDS))
