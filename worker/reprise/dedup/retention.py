"""Retention of the entries of an index: settings in seconds, times to live in milliseconds as Redis takes them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """The retention of each kind of entry.

    window_seconds  time for which a representative is found after its last match, and a text after its last copy
    replay_seconds  time for which a superseded decision is repeated, so that a replayed crawl gets the same decision
    """

    window_seconds: float
    replay_seconds: float

    @property
    def window_ms(self) -> int:
        """Return the window in milliseconds."""
        return round(self.window_seconds * 1000)

    @property
    def replay_ms(self) -> int:
        """Return the time for which superseded decisions are repeated, in milliseconds."""
        return round(self.replay_seconds * 1000)

    @property
    def record_ms(self) -> int:
        """Return the retention of the latest decision of an article id in milliseconds.

        It is the longer of the two: revisions need the latest decision within the window, and replays within theirs.
        The fact that a text was superseded is kept for the same time, so that the text does not supersede in turn.
        """
        return max(self.window_ms, self.replay_ms)
