"""Count the worker's output: events by kind, dead letters by reason, and the stories of the sample's pages."""

from collections import Counter, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from deploy.local.demo.crawl import article_key
from reprise.model import EventType

#: number of rows kept for the view; more than a screen shows, and more than one poll of the sample adds
MAX_ROWS: Final = 200

#: seconds over which the displayed throughput is averaged
_THROUGHPUT_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """One event or dead letter, for display. `similarity` is in 0..1."""

    outcome: str
    title: str
    source: str = ""
    story: str = ""
    similarity: float | None = None


@dataclass(slots=True, kw_only=True)
class OutcomeCounters:
    """Counts of the worker's output.

    sample_keys    keys of the sample's articles
    story_by_key   the story of each of these articles, after merges
    merges         stories that were merged into an older one
    articles_in    articles in the input
    """

    sample_keys: Collection[str]
    rows: deque[OutcomeRow] = field(default_factory=lambda: deque(maxlen=MAX_ROWS))
    stories: int = 0
    merges: int = 0
    variants: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    articles_in: int = 0
    story_by_key: dict[str, str] = field(default_factory=dict)
    _history: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def outcomes(self) -> int:
        """The number of events on articles and dead letters."""
        return self.stories + self.variants.total() + self.dead_letters.total()

    def add_event(self, event: Mapping[str, Any]) -> None:
        """Count an event, given its body."""
        article = event["article"]
        if event["type"] == EventType.MERGED:
            self._merge(event["story_id"], event["into"])
            return
        kind = event.get("kind")
        if kind is None:
            self.stories += 1
        else:
            self.variants[kind] += 1
        if (key := article_key(article)) in self.sample_keys:
            self.story_by_key[key] = event["story_id"]
        self.rows.append(
            OutcomeRow(
                outcome=kind or "new story",
                title=article["title"] or article["url"] or article["id"],
                source=article["source"] or "",
                story=event["story_id"],
                similarity=event.get("similarity"),
            )
        )

    def _merge(self, story: str, into: str) -> None:
        self.merges += 1
        self.story_by_key = {key: into if known == story else known for key, known in self.story_by_key.items()}

    def add_dead_letter(self, reason: str, detail: str) -> None:
        """Count a dead letter."""
        self.dead_letters[reason] += 1
        self.rows.append(OutcomeRow(outcome="dead letter", title=f"{reason}: {detail}"))

    def record_time(self, now: float) -> None:
        """Record the number of outcomes at a time in seconds, for the throughput."""
        self._history.append((now, self.outcomes))
        while now - self._history[0][0] > _THROUGHPUT_SECONDS:
            self._history.popleft()

    def throughput(self) -> float:
        """Return the outcomes per second over the last _THROUGHPUT_SECONDS."""
        if len(self._history) < 2:
            return 0.0
        (start, first), (end, last) = self._history[0], self._history[-1]
        return (last - first) / (end - start) if end > start else 0.0
