"""Wait for the dependencies before the first poll, and check the topics and the ACLs."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, stop_before_delay

from reprise.errors import Fatal, RepriseError, Unreachable
from reprise.kafka.acls import check_acls
from reprise.kafka.clients import open_admin
from reprise.kafka.topics import missing_topics
from reprise.observability.logging import get_logger
from reprise.processing.retry import RETRY_UNREACHABLE, exponential_backoff
from reprise.processing.shutdown import StopRequest
from reprise.settings import Settings

T = TypeVar("T")

#: Backoff between two attempts to reach a dependency, in seconds: the first and the maximum.
_FIRST_BACKOFF_SECONDS: Final = 0.25
_LONGEST_BACKOFF_SECONDS: Final = 5.0


class StoppedDuringStartup(RepriseError):
    """A stop was requested before the worker was ready; no batch is in flight."""


def retry_until_ready(
    attempt: Callable[[], T],
    dependency: str,
    *,
    timeout_seconds: float,
    stop: StopRequest,
    on_waiting: Callable[[str], None] | None = None,
) -> T:
    """Return the result of `attempt`; retry it with a backoff while it raises Unreachable.

    dependency  name and address, for the log and for errors
    on_waiting  called once with the reason of the first failure; by default the reason is logged

    Raises Fatal after `timeout_seconds`, or at once if a retry cannot help; StoppedDuringStartup.
    """
    report = on_waiting or partial(_log_waiting, dependency, timeout_seconds)

    def report_first_failure(state: RetryCallState) -> None:
        if state.attempt_number == 1 and state.outcome is not None:
            report(str(state.outcome.exception()))

    def sleep(seconds: float) -> None:
        stop.wait(seconds)
        if stop.requested:
            raise StoppedDuringStartup("stopped before the start was complete")

    retrying = Retrying(
        retry=RETRY_UNREACHABLE,
        stop=stop_before_delay(timeout_seconds),
        wait=exponential_backoff(_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS),
        sleep=sleep,
        before_sleep=report_first_failure,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except Unreachable as error:
        raise Fatal(f"{dependency}: not ready within {timeout_seconds:g} s: {error}") from error


def wait_for_broker(settings: Settings, stop: StopRequest, on_waiting: Callable[[str], None] | None = None) -> None:
    """Return when a broker answers. Raises Fatal, StoppedDuringStartup."""
    retry_until_ready(
        lambda: open_admin(settings.kafka).close(),
        f"kafka at {settings.kafka.bootstrap_servers}",
        timeout_seconds=settings.times.startup_timeout_seconds,
        stop=stop,
        on_waiting=on_waiting,
    )


def wait_for_topics(settings: Settings, stop: StopRequest) -> None:
    """Return when a broker answers, the ACLs suffice and the topics exist. Raises Fatal, StoppedDuringStartup."""
    wait_for_broker(settings, stop)
    topics = list(settings.topics.model_dump().values())
    reads = [settings.topics.articles]

    def check() -> None:
        check_acls(settings.kafka, reads=reads, writes=[topic for topic in topics if topic not in reads])
        require_topics(settings, topics)

    retry_until_ready(
        check,
        f"topics at {settings.kafka.bootstrap_servers}",
        timeout_seconds=settings.times.startup_timeout_seconds,
        stop=stop,
    )


def require_topics(settings: Settings, topics: Sequence[str]) -> None:
    """Raise Unreachable if a topic does not exist: it may be created while the worker waits. Raises Fatal."""
    if missing := missing_topics(settings.kafka, topics):
        raise Unreachable(f"no topic {', '.join(missing)}; `reprise topics` creates what is missing")


def _log_waiting(dependency: str, timeout_seconds: float, reason: str) -> None:
    # the field names are those of earlier versions: log queries depend on them
    get_logger().warning("waiting", what=dependency, reason=reason, limit_seconds=timeout_seconds)
