"""The log's format, and the observer that logs the pipeline's progress.

Each line is one event, as a JSON object or for a terminal. No line holds an article's text or a secret. Lines of the
client libraries have the same format: only warnings and errors, and few of them.
"""

import logging
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, TextIO

import structlog

from reprise.errors import traceback_lines
from reprise.model import CorruptRecord, Decision, Dependency, Message, OutageKind, Rejection
from reprise.observability.observers import NullObserver
from reprise.observability.outcomes import ArticleOutcome, outcome_of

#: Seconds between two "progress" lines while messages arrive, and between two "unreachable" lines of one dependency.
PROGRESS_INTERVAL_SECONDS: Final = 30.0

#: Seconds between two lines of one logger of a library.
LIBRARY_INTERVAL_SECONDS: Final = 60.0

#: Characters of an outage's reason at most: a client's error may list every address that it tried.
_MAX_REASON_CHARACTERS: Final = 300

#: The traceparent header of W3C Trace Context: version, trace id (not all zeros), parent id, flags. Later versions may
#: append fields, so the end is open.
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

#: Warnings of the Kafka client in normal running: the beginning of the logger's name, and a part of the text.
#:   - A step of its event loop took more than 0.1 s, as does each that decompresses a large fetch on a busy machine.
#:     The worker measures the time between two polls instead: `/livez` and RepriseWorkerStalled.
#:   - The leader of a group assigns partitions before it has the metadata of each topic, and again once it has it. The
#:     worker checks its topics at its start and logs those that are missing.
_EXPECTED_WARNINGS: Final = (
    ("kafka.net.selector", "blocking the event loop"),
    ("kafka.coordinator.assignors", "No partition metadata for topic"),
)

#: Prefixes of loggers whose tracebacks may show secrets or articles.
_CLIENT_LOGGERS: Final = ("kafka", "redis")


def configure_logging(level: str, log_format: str, stream: TextIO | None = None) -> None:
    """Configure the worker's and the libraries' loggers.

    level       least level of the worker's own lines; libraries log from warnings on at any level
    log_format  `json` or `console`
    stream      standard output if None
    """
    stream = sys.stdout if stream is None else stream
    minimum_level = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(sort_keys=False)
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty(), timestamp_key="time")
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(minimum_level),
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
    logging.basicConfig(level=max(minimum_level, logging.WARNING), handlers=[handler], force=True)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """Return the worker's logger."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return log


class RateLimitFilter(logging.Filter):
    """Passes one line of each logger in LIBRARY_INTERVAL_SECONDS, without expected warnings and tracebacks of clients.

    During an outage, a client logs several lines a second; the worker logs the outage itself, once. A client's
    traceback may show the data that the client was sending.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._passed_at: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log the record."""
        if any(record.name.startswith(name) and text in record.getMessage() for name, text in _EXPECTED_WARNINGS):
            return False
        now = self._monotonic()
        if now - self._passed_at.get(record.name, -LIBRARY_INTERVAL_SECONDS) < LIBRARY_INTERVAL_SECONDS:
            return False
        self._passed_at[record.name] = now
        if record.name.startswith(_CLIENT_LOGGERS):
            record.exc_info = None
        return True


class ProgressLogger(NullObserver):
    """Logs counts at an interval, and the first outage, dead letter or unexpected error at once.

    The log stays small when every message fails or a dependency comes and goes:

    - of each dead-letter reason and each failing line of code, the first between two summaries is logged
    - of each dependency, one outage in PROGRESS_INTERVAL_SECONDS is logged; a later one within that time is logged only
      if it lasts until the end of that time
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log = get_logger()
        self._monotonic = monotonic
        self._summary_at = monotonic()
        self._counts: Counter[str] = Counter()
        self._dead_letters: Counter[str] = Counter()
        #: innermost call of each unexpected error since the last summary
        self._error_sites: set[str] = set()
        #: reasons of the outages that last and are not logged yet
        self._unlogged_outages: dict[Dependency, tuple[OutageKind, str]] = {}
        self._outage_logged_at: dict[Dependency, float] = {}

    def polled(self, message_count: int) -> None:
        """Log the summary and the outages that are due."""
        if self._monotonic() - self._summary_at >= PROGRESS_INTERVAL_SECONDS:
            self.log_summary()
        for dependency in list(self._unlogged_outages):
            self._log_outage_if_due(dependency)

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """Count new stories, variants and replayed decisions."""
        for decision in decisions:
            outcome = outcome_of(decision)
            self._counts["variants" if outcome is ArticleOutcome.VARIANT else outcome.value] += 1

    def unexpected_error(self, error: Exception) -> None:
        """Log the error's type and calls. Its message may quote an article and is left out."""
        error_calls = traceback_lines(error)
        if error_calls[-1] not in self._error_sites:
            self._error_sites.add(error_calls[-1])
            self._log.error(
                "unexpected_error",
                type=type(error).__name__,
                calls=error_calls,
                consequence="the message becomes a dead letter",
            )

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        """Count the dead letter; log its reason and position if it is the reason's first since the last summary."""
        if not self._dead_letters[rejection.reason.value]:
            self._log.warning("dead_letter", reason=rejection.reason.value, **_position_fields(message))
        self._dead_letters[rejection.reason.value] += 1

    def warm_up_progress(self, learned: int, is_waiting: bool) -> None:
        """Log the progress of a warm-up."""
        self._log.info("warm_up_progress", learnt=learned, waiting=is_waiting)

    def warm_up_over(self, learned: int) -> None:
        """Log the end of a warm-up."""
        self._log.info("warm_up_over", learnt=learned)

    def skipped(self) -> None:
        """Count a tombstone."""
        self._counts["skipped"] += 1

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """Count messages whose offsets are committed."""
        self._counts["delivered"] += len(messages)

    def unreachable(self, dependency: Dependency, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        """Count the outage, and log it if it is due."""
        self._counts["outages"] += 1
        self._unlogged_outages[dependency] = (kind, " ".join(reason.split())[:_MAX_REASON_CHARACTERS])
        self._log_outage_if_due(dependency)

    def reachable(self, dependency: Dependency) -> None:
        """Log the end of the outage if its start was logged."""
        if self._unlogged_outages.pop(dependency, None) is None:
            self._log.info("reachable", dependency=dependency.value)

    def _log_outage_if_due(self, dependency: Dependency) -> None:
        now = self._monotonic()
        if now - self._outage_logged_at.get(dependency, -PROGRESS_INTERVAL_SECONDS) < PROGRESS_INTERVAL_SECONDS:
            return
        self._outage_logged_at[dependency] = now
        kind, reason = self._unlogged_outages.pop(dependency)
        self._log.warning(
            "unreachable",
            dependency=dependency.value,
            kind=kind.value,
            reason=reason,
            consequence="the worker is paused and commits nothing",
        )

    def log_summary(self) -> None:
        """Log the counts since the last summary, if there are any, and start again from 0."""
        if self._counts or self._dead_letters:
            self._log.info("progress", **self._counts, dead=dict(self._dead_letters))
        self._counts.clear()
        self._dead_letters.clear()
        self._error_sites.clear()
        self._summary_at = self._monotonic()


def _position_fields(message: Message | CorruptRecord) -> dict[str, str | int]:
    """Return the message's topic, partition and offset, and its trace id if it has a traceparent header."""
    fields: dict[str, str | int] = {"topic": message.topic, "partition": message.partition, "offset": message.offset}
    headers = message.headers if isinstance(message, Message) else ()
    for name, value in headers:
        if name.lower() == "traceparent" and (match := _TRACEPARENT.match(value)):
            fields["trace_id"] = match[1].decode()
    return fields
