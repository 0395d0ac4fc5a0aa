"""Retries while a dependency is unreachable: backoff, and the loop's polling in between."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type

from reprise.errors import Fatal, Unreachable
from reprise.model import Dependency, OutageKind
from reprise.processing.ports import Observer, Source
from reprise.processing.shutdown import StopRequest

T = TypeVar("T")

#: Seconds of one poll while a dependency is unreachable: short, so that a stop request is seen soon.
_POLL_SECONDS: Final = 0.2

#: Doublings after which the backoff is at its longest anyway; keeps the power of two small in an outage of days.
_MAX_DOUBLINGS: Final = 16

#: Seconds after which a rebalance is reported as an outage: longer than the session of a dead member, 45 s by default,
#: for whose end a rebalance waits.
_LONGEST_REBALANCE_SECONDS: Final = 60.0

#: Retry when a step raises Unreachable; every other exception passes through.
RETRY_UNREACHABLE: Final = retry_if_exception_type(Unreachable)


def exponential_backoff(
    first_seconds: float, longest_seconds: float, jitter: Callable[[], float] = random.random
) -> Callable[[RetryCallState], float]:
    """Return a tenacity wait: doubling from `first_seconds` to `longest_seconds`, of which the upper half is random.

    jitter: returns a number in 0..1; it keeps many workers from retrying at the same moment.
    """

    def wait(state: RetryCallState) -> float:
        doubled = first_seconds * 2.0 ** min(state.attempt_number - 1, _MAX_DOUBLINGS)
        return min(longest_seconds, doubled) * (1 + jitter()) / 2

    return wait


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryTimeouts:
    """The loop's timeouts, in seconds."""

    #: one poll of an idle topic: the longest time until a stop request is seen
    poll_timeout_seconds: float
    #: stopping: after this time the batch in hand is abandoned; it is uncommitted, and read again after a restart
    drain_timeout_seconds: float
    #: the longest that one attempt may take: while stopping, no attempt begins that could exceed the drain timeout
    attempt_timeout_seconds: float
    #: the longest outage to wait through; None waits for ever
    outage_timeout_seconds: float | None = None
    #: the first backoff: a failover or a rebalance is often over by then
    first_backoff_seconds: float = 0.25
    #: the longest backoff: one attempt in this time during an outage; reconnecting takes the rest of five seconds
    longest_backoff_seconds: float = 2.0


class ShutdownTimeout(Exception):
    """The drain timeout or the outage timeout has passed; the batch in hand stays uncommitted."""


class Retrier:
    """Calls steps of one loop, in its thread, and retries them while their dependency is unreachable."""

    def __init__(
        self,
        *,
        source: Source,
        observer: Observer,
        stop: StopRequest,
        timeouts: RetryTimeouts,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.timeouts = timeouts
        self._source = source
        self._observer = observer
        self._stop = stop
        self._monotonic = monotonic
        self._sleep = sleep
        self._backoff = exponential_backoff(timeouts.first_backoff_seconds, timeouts.longest_backoff_seconds, jitter)

    def call(self, dependency: Dependency, step: Callable[[], T]) -> T:
        """Return the step's result; while it raises Unreachable, pause the source, poll through a backoff, and retry.

        Raises ShutdownTimeout after the drain timeout or the outage timeout, and what else the step raises.
        """
        started = self._monotonic()
        is_reported = False

        def report_failure(state: RetryCallState) -> None:
            nonlocal is_reported
            if state.attempt_number == 1:
                self._source.pause()
            error = state.outcome.exception() if state.outcome is not None else None
            if is_reported or not isinstance(error, Unreachable):
                return
            if error.kind is OutageKind.REBALANCING and self._monotonic() - started < _LONGEST_REBALANCE_SECONDS:
                return
            is_reported = True
            self._observer.unreachable(dependency, str(error), error.kind)

        def is_over(_: RetryCallState) -> bool:
            limit = self.timeouts.outage_timeout_seconds
            return limit is not None and self._monotonic() - started >= limit

        retrying = Retrying(
            retry=RETRY_UNREACHABLE,
            before=self._check_drain_timeout,
            after=report_failure,
            stop=is_over,
            wait=self._backoff,
            sleep=self._poll_for,
            retry_error_callback=_raise_shutdown_timeout,
        )
        result = retrying(step)
        if retrying.statistics["attempt_number"] > 1:
            self._source.resume()
            if is_reported:
                self._observer.reachable(dependency)
        return result

    def _check_drain_timeout(self, _: RetryCallState | None = None) -> None:
        timeouts = self.timeouts
        left = timeouts.drain_timeout_seconds - self._stop.seconds_ago
        if self._stop.requested and left < timeouts.attempt_timeout_seconds:
            raise ShutdownTimeout

    def _poll_for(self, seconds: float) -> None:
        """Poll for the time of one backoff. A stop request ends it, so that one more attempt can still succeed."""
        already_stopping = self._stop.requested
        deadline = self._monotonic() + seconds
        while (left := deadline - self._monotonic()) > 0 and self._stop.requested == already_stopping:
            self._check_drain_timeout()
            self._poll_paused(min(left, _POLL_SECONDS))

    def _poll_paused(self, seconds: float) -> None:
        """Poll once, to keep the group membership while a batch is in hand."""
        deadline = self._monotonic() + seconds
        try:
            messages = self._source.poll(seconds)
        except Unreachable:
            messages = ()
        self._observer.polled(0)
        if messages:  # dropping them would lose them: the next commit lies behind them
            raise Fatal("the source delivered messages while it was paused")
        if (left := deadline - self._monotonic()) > 0:  # a source need not wait; without this the loop would spin
            self._sleep(left)


def _raise_shutdown_timeout(_: RetryCallState) -> Any:
    raise ShutdownTimeout
