"""How long the index remembers what, in the milliseconds that Redis counts in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """window_seconds: how long a story is found after its last variant, and a text after its last copy.

    replay_seconds: how long an article's superseded decisions are given again.
    """

    window_seconds: float
    replay_seconds: float

    @property
    def window_ms(self) -> int:
        """The window."""
        return round(self.window_seconds * 1000)

    @property
    def replay_ms(self) -> int:
        """How long a superseded decision is kept."""
        return round(self.replay_seconds * 1000)

    @property
    def record_ms(self) -> int:
        """How long an article's latest decision is kept: for revisions the window, for replays at least their time."""
        return max(self.window_ms, self.replay_ms)
