"""Logs: one line an event that matters, JSON for machines or plain for people; never an article's text or a secret.

May live here: the set-up of structlog, and the observer that turns what the pipeline tells into a few lines. Lines of
the libraries (kafka, redis) pass through the same format, from warnings on, and sparingly.
"""

import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

import structlog

from reprise.errors import calls
from reprise.model import CorruptRecord, DeadLetterReason, Decision, Dependency, EventType, Message
from reprise.observability.observers import NullObserver

#: Seconds between two lines of progress while messages arrive: often enough to see that it works, too seldom to cost.
PROGRESS_SECONDS: Final = 30.0

#: Seconds between two lines of one logger of a library.
LIBRARY_SECONDS: Final = 60.0

#: Characters of a reason: a client's error may list every address that it tried.
_MAX_REASON_CHARACTERS: Final = 300

#: W3C trace context, version 00 and what later ones begin with: version, trace id, parent id, flags.
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

#: The loggers of the libraries that hold secrets and articles.
_CLIENTS: Final = ("kafka", "redis")


def configure_logging(level: str, style: str, stream: TextIO | None = None) -> None:
    """Send every log line of this process to `stream` (standard output), as `json` or for the `console`."""
    stream = sys.stdout if stream is None else stream
    least = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="time")
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(RateLimitFilter())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(least, logging.WARNING), handlers=[handler], force=True)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """Get the worker's logger."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return log


class RateLimitFilter(logging.Filter):
    """Lets one line of each of the libraries' loggers pass in LIBRARY_SECONDS, without its traceback.

    A client whose server is away says so several times a second; the worker tells of the outage itself, once. And each
    client's traceback would be of its own inside, where what it was sending may stand.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._told_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Answer whether to let it pass."""
        now = self._clock()
        if now - self._told_at.get(record.name, -LIBRARY_SECONDS) < LIBRARY_SECONDS:
            return False
        self._told_at[record.name] = now
        if record.name.startswith(_CLIENTS):
            record.exc_info = None
        return True


class ProgressLogger(NullObserver):
    """Tells of progress every PROGRESS_SECONDS while messages arrive, and at once of what an operator must know.

    Dead letters are told of one by one only as a count: a producer gone wrong must not fill the log as well. Nor must a
    dependency that comes and goes: of its outages one is told of in PROGRESS_SECONDS, or what lasts as long.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = get_logger()
        self._clock = clock
        self._told_at = clock()
        self._counts: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._failures: set[str] = set()
        #: why each dependency is away of which nothing was told yet
        self._unsaid: dict[Dependency, str] = {}
        self._outage_told_at: dict[Dependency, float] = {}

    def polled(self, message_count: int) -> None:
        """Tell of progress when it is time and anything happened."""
        if self._clock() - self._told_at >= PROGRESS_SECONDS:
            self.summary()
        for dependency, reason in list(self._unsaid.items()):
            self._tell_outage(dependency, reason)

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """Count stories and variants; a decision given again is neither."""
        for decision in decisions:
            if decision.trace.replayed:
                self._counts["replayed"] += 1
            else:
                self._counts["new" if decision.type is EventType.NEW else "variants"] += 1

    def unexpected_error(self, error: Exception) -> None:
        """Tell of the first error of each place since the last summary. Its words may quote an article."""
        at = calls(error)
        if at[-1] not in self._failures:
            self._failures.add(at[-1])
            self._log.error("unexpected_error", type=type(error).__name__, calls=at, consequence="a dead letter")

    def dead_lettered(self, reason: DeadLetterReason, message: Message | CorruptRecord) -> None:
        """Tell of the first dead letter of each reason since the last summary, and where it was; count the others."""
        if not self._dead[reason.value]:
            self._log.warning("dead_letter", reason=reason.value, **_place(message))
        self._dead[reason.value] += 1

    def skipped(self) -> None:
        """Count a tombstone."""
        self._counts["skipped"] += 1

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """Count what is done for good."""
        self._counts["delivered"] += len(messages)

    def unreachable(self, dependency: Dependency, reason: str) -> None:
        """Tell of it and why, or count it where one was told of a moment ago."""
        self._counts["outages"] += 1
        self._unsaid[dependency] = " ".join(reason.split())[:_MAX_REASON_CHARACTERS]
        self._tell_outage(dependency, self._unsaid[dependency])

    def reachable(self, dependency: Dependency) -> None:
        """Tell of it, unless nobody was told that it was away."""
        if self._unsaid.pop(dependency, None) is None:
            self._log.info("reachable", dependency=dependency.value)

    def _tell_outage(self, dependency: Dependency, reason: str) -> None:
        now = self._clock()
        if now - self._outage_told_at.get(dependency, -PROGRESS_SECONDS) < PROGRESS_SECONDS:
            return
        self._outage_told_at[dependency] = now
        del self._unsaid[dependency]
        consequence = "paused, nothing is committed"
        self._log.warning("unreachable", dependency=dependency.value, reason=reason, consequence=consequence)

    def summary(self) -> None:
        """Tell what happened since the last time, where anything did."""
        if self._counts or self._dead:
            self._log.info("progress", **self._counts, dead=dict(self._dead))
        self._counts.clear()
        self._dead.clear()
        self._failures.clear()
        self._told_at = self._clock()


def _place(message: Message | CorruptRecord) -> dict[str, str | int]:
    """Where a message was, and the trace that it is part of, if it says so."""
    place: dict[str, str | int] = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
    headers = message.headers if isinstance(message, Message) else ()
    for name, value in headers:
        if name.lower() == "traceparent" and (found := _TRACEPARENT.match(value)):
            place["trace_id"] = found[1].decode()
    return place
