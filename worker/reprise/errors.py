"""What can go wrong, by what the pipeline does about it.

    RepriseError
    ├── BadMessage       this one message is bad: bin it with its reason, the stream goes on
    ├── Unreachable      Redis or Kafka is away: commit nothing, pause, poll on, try again
    └── Fatal            stop the worker, exit code 1
        ├── UsageError   wrong usage or settings, exit code 2
        ├── IndexMismatch    the index was written with other parameters
        └── CircuitOpen      too many messages in a row, or too large a share, cannot be read

An adapter translates its client's exceptions into these; nothing else crosses a port.
"""

import traceback
from collections.abc import Sequence
from typing import Final

from reprise.model import DeadLetterReason

#: Calls of a traceback that are told: the innermost ones, since an endless recursion has a thousand.
_MAX_CALLS: Final = 20


class RepriseError(Exception):
    """The root of all errors this package raises on purpose."""


class BadMessage(RepriseError):
    """One message cannot become an article. `reason` is a closed set, `detail` is for people, without article text."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


class Unreachable(RepriseError):
    """A dependency does not answer, or answers "try again"; nothing was lost and the same call may be made again."""


class Fatal(RepriseError):
    """The worker cannot go on and must stop without committing what it has not delivered."""


class UsageError(Fatal):
    """The command line or the settings are wrong; one line for each mistake."""


class IndexMismatch(Fatal):
    """The namespace holds an index that was written with other signature parameters or another size."""


class CircuitOpen(Fatal):
    """Too many messages could not be read; going on would drain the topic into the dead letters."""


def calls(error: BaseException) -> Sequence[str]:
    """Return the calls that led to an error, `module:line` each, outermost first.

    Nothing else of it is told: an error's message, and those of its causes, may quote the article.
    """
    walked = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return [f"{module}:{line}" for module, line in walked[-_MAX_CALLS:]]
