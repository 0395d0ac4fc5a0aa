"""Decisions that need no waiting: already made, or failed."""

from collections.abc import Sequence
from dataclasses import dataclass

from reprise.errors import RepriseError
from reprise.model import Decision


@dataclass(frozen=True, slots=True)
class CompletedDecisions:
    """PendingDecisions of an index that decides at once."""

    decisions: Sequence[Decision]

    def begin_commit(self) -> None:
        """Do nothing: the decisions are made."""

    def result(self) -> Sequence[Decision]:
        """Return the decisions."""
        return self.decisions

    def cancel(self) -> None:
        """Do nothing: no answer is in flight."""


@dataclass(frozen=True, slots=True)
class FailedDecisions:
    """PendingDecisions of a submission that failed; the error is raised when the batch's turn comes."""

    error: RepriseError

    def begin_commit(self) -> None:
        """Do nothing: there is nothing to decide."""

    def result(self) -> Sequence[Decision]:
        """Raise the error."""
        raise self.error

    def cancel(self) -> None:
        """Do nothing: no answer is in flight."""
