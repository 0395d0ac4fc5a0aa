"""What was seen: counts, the latest rows, the story of each page of the sample. Knows no client and no screen."""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.local.demo.crawl import article_key

#: Rows that are kept to be shown: more than a screen has, and than the sample gives at once.
KEPT_ROWS: Final = 200

#: Seconds over which the speed on the screen is taken.
_SPEED_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """One outcome as people read it; `similarity` is 0..1."""

    what: str
    title: str
    source: str = ""
    story: str = ""
    similarity: float | None = None


@dataclass(slots=True, kw_only=True)
class OutcomeCounters:
    """Counts what comes out. `watched` are the addresses whose stories are kept; times are seconds of one clock."""

    watched: Collection[str]
    rows: deque[OutcomeRow] = field(default_factory=lambda: deque(maxlen=KEPT_ROWS))
    stories: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    articles_in: int = 0
    story_of: dict[str, str] = field(default_factory=dict)
    _moments: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def outcomes(self) -> int:
        """How many messages have come to an event or to the dead letters."""
        return self.stories + self.kinds.total() + self.dead.total()

    def add_event(self, event: Mapping[str, Any]) -> None:
        """Count an event's body."""
        article = event["article"]
        kind = event.get("kind")
        if kind is None:
            self.stories += 1
        else:
            self.kinds[kind] += 1
        if (name := article_key(article)) in self.watched:
            self.story_of[name] = event["story_id"]
        self.rows.append(
            OutcomeRow(
                what=kind or "new story",
                title=article["title"] or article["url"] or article["id"],
                source=article["source"] or "",
                story=event["story_id"],
                similarity=event.get("similarity"),
            )
        )

    def add_dead(self, reason: str, detail: str) -> None:
        """Count a dead letter."""
        self.dead[reason] += 1
        self.rows.append(OutcomeRow(what="dead letter", title=f"{reason}: {detail}"))

    def note_time(self, now: float) -> None:
        """Remember how far things were at this time."""
        self._moments.append((now, self.outcomes))
        while now - self._moments[0][0] > _SPEED_SECONDS:
            self._moments.popleft()

    def speed(self) -> float:
        """Return outcomes a second, over the last moments."""
        if len(self._moments) < 2:
            return 0.0
        (began, before), (ended, after) = self._moments[0], self._moments[-1]
        return (after - before) / (ended - began) if ended > began else 0.0
