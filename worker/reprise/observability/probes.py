"""The state behind the liveness and readiness probes."""

import time
from collections.abc import Callable, Mapping
from typing import Final

from reprise.model import REQUIRED_DEPENDENCIES, Dependency, OutageKind
from reprise.observability.observers import NullObserver

#: The one liveness failure of a worker that has not finished its start.
_STARTING: Final = "starting"

#: Readiness failure of each kind of outage, behind the name of the dependency.
_FAILURES: Final[Mapping[OutageKind, str]] = {
    OutageKind.UNREACHABLE: "does not answer",
    OutageKind.REFUSES_WRITES: "refuses writes",
    OutageKind.REFUSES_USER: "refuses the user name, the password or a command",
    OutageKind.REBALANCING: "rebalances the group for too long",
}


class ProbeState(NullObserver):
    """Derives liveness and readiness from the pipeline's progress.

    The pipeline's thread writes the state and the HTTP server's threads read it. Each field is replaced as a whole, so
    no lock is needed.

    liveness_timeout_seconds  longest time between two completed polls of a worker that is alive
    """

    def __init__(self, liveness_timeout_seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._liveness_timeout_seconds = liveness_timeout_seconds
        self._monotonic = monotonic
        self._polled_at: float | None = None
        self._outages: Mapping[Dependency, OutageKind] = dict.fromkeys(REQUIRED_DEPENDENCIES, OutageKind.UNREACHABLE)
        self._is_group_member: Callable[[], bool] = bool  # bool() is False: no member before `mark_started`
        self._draining = False

    def mark_started(self, is_group_member: Callable[[], bool]) -> None:
        """Expect polls from now on. Each readiness probe calls `is_group_member`, from the server's thread."""
        self._is_group_member = is_group_member
        self._polled_at = self._monotonic()

    def mark_draining(self) -> None:
        """Fail readiness from now on."""
        self._draining = True

    def polled(self, message_count: int) -> None:
        """See Observer."""
        self._polled_at = self._monotonic()

    def unreachable(self, dependency: Dependency, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        """See Observer."""
        self._outages = {**self._outages, dependency: kind}

    def reachable(self, dependency: Dependency) -> None:
        """See Observer."""
        self._outages = {name: kind for name, kind in self._outages.items() if name is not dependency}

    def liveness_failures(self) -> list[str]:
        """Return the reasons for which a restart would help; empty while the worker is alive.

        An outage of Redis or Kafka is no such reason: it would restart every worker at once.
        """
        if self._polled_at is None:
            return [_STARTING]
        seconds = self._monotonic() - self._polled_at
        return [f"no poll completed for {seconds:.0f} s"] if seconds > self._liveness_timeout_seconds else []

    def readiness_failures(self) -> list[str]:
        """Return the reasons for which the worker processes no articles; empty while it is ready.

        A member of the group without a partition is ready, so that a rollout does not wait for spare replicas.
        """
        failures = [f"{dependency} {_FAILURES[kind]}" for dependency, kind in sorted(self._outages.items())]
        if not self._is_group_member():
            failures.append("not a member of the group: joining or rebalancing")
        if self._draining:
            failures.append("draining")
        return failures
