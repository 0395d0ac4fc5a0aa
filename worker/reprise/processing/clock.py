"""The time of decisions: the clock of the index's server, which all workers of an index share.

Times in the index decide which entries are kept. A worker whose own clock is hours ahead would remove the entries of
all workers, and one that is hours behind would add entries that are removed at once.
"""

import time
from collections.abc import Callable
from typing import Final

from reprise.errors import Fatal, Unreachable

#: Seconds between two comparisons. Each is one round trip.
CHECK_SECONDS: Final = 30.0

#: Seconds by which the clock of this machine may differ from the server's. NTP keeps them within milliseconds. Kafka
#: refuses records that are an hour ahead, and messages of other machines are compared with these times.
MAX_SKEW_SECONDS: Final = 300.0


class SharedClock:
    """Returns the server's time in seconds since the epoch, between two comparisons by the monotonic clock."""

    def __init__(
        self,
        read_server_time: Callable[[], float | None],
        *,
        on_skew: Callable[[float], None],
        local: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read no time yet; see `check`.

        read_server_time  returns seconds since the epoch, or None where the server returns no time; raises Unreachable
        on_skew           called after each comparison with the seconds by which this machine is ahead
        """
        self._read_server_time = read_server_time
        self._on_skew = on_skew
        self._local = local
        self._monotonic = monotonic
        self._checked_at: float | None = None
        #: the server's time at `_checked_at`; None while it is unknown
        self._server_time: float | None = None

    def check(self) -> None:
        """Compare the clocks now. Raises Unreachable, and Fatal where they differ too much."""
        started = self._monotonic()
        server_time = self._read_server_time()
        ended = self._monotonic()
        self._checked_at = ended
        if server_time is None:
            return
        # The server read its clock at some moment between the two; the middle is at most half of their distance wrong.
        self._server_time = server_time + (ended - started) / 2
        skew = self._local() - self._server_time
        self._on_skew(skew)
        if abs(skew) > MAX_SKEW_SECONDS:
            direction = "ahead of" if skew > 0 else "behind"
            raise Fatal(
                f"the clock of this machine is {abs(skew):.0f} s {direction} that of Redis; the limit is "
                f"{MAX_SKEW_SECONDS:.0f} s: synchronise the clocks of both machines, then start the worker again"
            )

    def __call__(self) -> float:
        """Return the time; compare the clocks if that is due. Raises Fatal where they differ too much.

        While the server is unreachable the time continues from the last comparison.
        """
        if self._checked_at is None or self._monotonic() - self._checked_at >= CHECK_SECONDS:
            try:
                self.check()
            except Unreachable:
                self._defer()
        if self._server_time is None or self._checked_at is None:
            return self._local()
        return self._server_time + self._monotonic() - self._checked_at

    def _defer(self) -> None:
        """Wait until the next comparison is due, without losing the time since the last one."""
        now = self._monotonic()
        if self._server_time is not None and self._checked_at is not None:
            self._server_time += now - self._checked_at
        self._checked_at = now
