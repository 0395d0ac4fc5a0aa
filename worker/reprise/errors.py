"""The errors of the worker, by how the loop handles them.

    RepriseError
    ├── BadMessage       one message is bad: it goes to the dead letters, the loop continues
    ├── SkippedMessage   one message is no article, such as the deletion of a row: it is counted, the loop continues
    ├── Unreachable      Redis or Kafka does not answer: commit nothing, pause, keep polling, retry
    └── Fatal            stop the worker, exit code 1
        ├── UsageError   wrong usage or settings, exit code 2
        ├── IndexMismatch    the index was written with other parameters
        └── CircuitOpen      too many messages are rejected

Each adapter translates its client's exceptions into these; no other exception crosses a port.
"""

import traceback
from collections.abc import Sequence
from typing import Final

from reprise.model import DeadLetterReason, OutageKind, RejectionCount

#: Innermost calls of a traceback that are returned: an endless recursion has a thousand.
_MAX_LINES: Final = 20


class RepriseError(Exception):
    """The base class of all errors that this package raises on purpose."""


class BadMessage(RepriseError):
    """A message cannot become an article. `detail` is one line for people, without article text."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class SkippedMessage(RepriseError):
    """A message is no article, and no mistake either: it leads to no event and to no dead letter."""


class Unreachable(RepriseError):
    """A dependency does not answer, or asks to try again. Nothing is lost; the same call may be repeated."""

    def __init__(self, text: str = "", kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        super().__init__(text)
        self.kind = kind


class Fatal(RepriseError):
    """The worker cannot continue; it stops and commits nothing that is not delivered."""


class UsageError(Fatal):
    """The command line or the settings are wrong; the text has one line for each mistake."""


class IndexMismatch(Fatal):
    """The namespace holds an index that was written with other signature parameters or another size."""


class CircuitOpen(Fatal):
    """Too many messages are rejected; continuing would drain the topic into the dead letters.

    limit    the limit that was reached, as a clause
    reasons  the rejected messages by reason, the commonest first; empty while they are unknown
    """

    def __init__(self, limit: str, reasons: Sequence[RejectionCount] = ()) -> None:
        by_reason = f"; rejected by reason: {', '.join(map(str, reasons))}" if reasons else ""
        super().__init__(
            f"{limit}{by_reason}. The messages that reached the limit stay uncommitted and are in no dead letters. "
            "To continue: https://reprise-dedup.github.io/reprise/operating/runbook/#reprisecircuitopen"
        )
        self.limit = limit
        self.reasons = reasons


def traceback_lines(error: BaseException) -> Sequence[str]:
    """Return the calls that led to an error, `module:line` each, outermost first.

    Contains no message: the text of an error, and of its causes, may quote the article.
    """
    frames = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return [f"{module}:{line}" for module, line in frames[-_MAX_LINES:]]
