"""Define the load of a soak test."""

from dataclasses import dataclass

from reprise.dedup.retention import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakProfile:
    """The load of a soak test: `rate` articles per second for a number of windows.

    The replay retention is as long as the window. `words` is the mean number of words of a new story.
    """

    rate: float
    window_seconds: float
    windows: int
    words: int

    @property
    def load_seconds(self) -> float:
        """The duration of the load."""
        return self.window_seconds * self.windows

    @property
    def expected_articles(self) -> int:
        """The articles of one window, for REPRISE_EXPECTED_ARTICLES."""
        return round(self.rate * self.window_seconds)

    @property
    def retention(self) -> Retention:
        """The retention of the worker."""
        return Retention(window_seconds=self.window_seconds, replay_seconds=self.window_seconds)
