"""Bound batches while another worker changes the entries that they depend on. Pure.

A batch is looked up as a whole and committed when all of it is decided. Meanwhile another worker may commit articles of
the same stories: the decisions that depend on them are refused and repeated. The larger the batches of both workers,
the greater is the share of their articles that are decided twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from reprise.model import Decision

#: Articles after which their share of conflicts is judged: at least ten small batches.
_JUDGED_ARTICLES: Final = 500

#: Share of articles that are decided again from which batches are bounded, and below which they are not any more.
#: Between the two, the bound stays as it is.
_FREQUENT: Final = 0.05
_RARE: Final = 0.01


@dataclass(slots=True, kw_only=True)
class ContentionMonitor:
    """Watches how many decisions were repeated because another worker changed the index."""

    #: Whether conflicts are frequent, so that batches should be small. Presumed at the start: several workers that
    #: start on a backlog would have thousands of articles in flight before the first conflict is known.
    is_contended: bool = field(default=True, init=False)
    _articles: int = field(default=0, init=False)
    _repeated: int = field(default=0, init=False)

    def record(self, decisions: Sequence[Decision]) -> None:
        """Count the decisions of a batch, and judge them once they are enough."""
        self._articles += len(decisions)
        self._repeated += sum(decision.trace.conflicts > 0 for decision in decisions)
        if self._articles < _JUDGED_ARTICLES:
            return
        share = self._repeated / self._articles
        if share >= _FREQUENT:
            self.is_contended = True
        elif share < _RARE:
            self.is_contended = False
        self._articles = self._repeated = 0
