"""What a soak is asked for."""

from dataclasses import dataclass

from reprise.dedup.retention import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`rate` articles a second for so many windows; a replay's retention is as long as the window.

    words  mean words of a new story
    """

    rate: float
    window_seconds: float
    windows: int
    words: int

    @property
    def load_seconds(self) -> float:
        """How long the load lasts."""
        return self.window_seconds * self.windows

    @property
    def expected_articles(self) -> int:
        """What a window brings, which is what the index is told to expect."""
        return round(self.rate * self.window_seconds)

    @property
    def retention(self) -> Retention:
        """As the worker's settings make it."""
        return Retention(window_seconds=self.window_seconds, replay_seconds=self.window_seconds)
