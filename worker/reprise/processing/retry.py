"""What the loop does while a dependency is away: fetch nothing, keep polling, and try again."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from reprise.errors import Fatal, Unreachable
from reprise.model import Dependency
from reprise.processing.ports import Observer, Source
from reprise.processing.shutdown import StopRequest
from reprise.settings.groups import TimeSettings

T = TypeVar("T")

#: Seconds of one poll while a dependency is away: short, so that a request to stop is seen soon.
_NAP_SECONDS: Final = 0.2

#: Doublings after which the wait is the longest anyway; keeps the power of two small in an outage of days.
_MAX_DOUBLINGS: Final = 16

#: The settings' defaults stand in for what is not given: figures of this module's own would drift from them.
_TIMES: Final = TimeSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTimeouts:
    """How long to wait for what, in seconds."""

    #: one poll: the pause between two looks at the request to stop on an idle topic
    poll_timeout_seconds: float = _TIMES.poll_timeout_seconds
    #: the first wait after a failure: a failover or a rebalance is often over by then
    first_retry_seconds: float = 0.25
    #: the longest wait: in an outage one call in this time; connecting and joining again fit into the rest of five
    #: seconds after its end
    longest_retry_seconds: float = 2.0
    #: stopping: by then it is over. What is not committed is given up, and read again after a restart
    drain_timeout_seconds: float = _TIMES.drain_timeout_seconds
    #: the longest that one try of anything may take: while stopping none begins that could end too late
    try_seconds: float = _TIMES.flush_timeout_seconds
    #: one outage, where nobody waits for its end: a replay from files. None waits as long as it takes
    outage_limit_seconds: float | None = None


class ShutdownTimeout(Exception):
    """Stopping took as long as a drain may take, or an outage too long; what is in hand stays uncommitted."""


@dataclass(kw_only=True)
class Retrier:
    """Retries of one loop, in its thread."""

    source: Source
    observer: Observer
    stop: StopRequest
    pace: RetryTimeouts = field(default_factory=RetryTimeouts)
    #: seconds that only grow: what durations are measured with
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    #: 0..1, for workers not to come back all at once
    jitter: Callable[[], float] = random.random

    def insist(self, dependency: Dependency, step: Callable[[], T]) -> T:
        """Take a step; while its dependency is away fetch nothing, keep polling, and try again.

        Raises ShutdownTimeout where that takes too long.
        """
        failures, began = 0, self.monotonic()
        while True:
            if self._too_late():
                raise ShutdownTimeout
            try:
                result = step()
                break
            except Unreachable as error:
                if not failures:
                    self.source.pause()
                    self.observer.unreachable(dependency, str(error))
                limit = self.pace.outage_limit_seconds
                if limit is not None and self.monotonic() - began >= limit:
                    raise ShutdownTimeout from None
                self._wait(failures)
                failures += 1
        if failures:
            self.source.resume()
            self.observer.reachable(dependency)
        return result

    def _wait(self, failures: int) -> None:
        """Poll through one backoff. A request to stop ends it, for the one more try that may let the drain succeed."""
        doubled = self.pace.first_retry_seconds * 2 ** min(failures, _MAX_DOUBLINGS)
        delay = min(self.pace.longest_retry_seconds, doubled) * (1 + self.jitter()) / 2
        stopping = self.stop.requested
        until = self.monotonic() + delay
        while (left := until - self.monotonic()) > 0 and self.stop.requested == stopping:
            if self._too_late():
                raise ShutdownTimeout
            self._idle(min(left, _NAP_SECONDS))

    def _too_late(self) -> bool:
        return self.stop.requested and self.stop.seconds_ago + self.pace.try_seconds > self.pace.drain_timeout_seconds

    def _idle(self, seconds: float) -> None:
        """Keep the group membership alive for so long while a batch is in hand."""
        until = self.monotonic() + seconds
        try:
            messages = self.source.poll(seconds)
        except Unreachable:
            messages = ()
        self.observer.polled(0)
        if messages:  # dropped here they would be lost: the next commit lies behind them
            raise Fatal("the source delivered messages while it was paused")
        if (left := until - self.monotonic()) > 0:  # a source need not wait: this loop must not spin
            self.sleep(left)
