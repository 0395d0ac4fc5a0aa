"""A clock for tests."""

from dataclasses import dataclass


@dataclass(slots=True)
class FakeClock:
    """A clock that only a test advances: it sets `now`, in seconds, or the tested code calls `sleep`."""

    now: float = 0.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        assert seconds >= 0
        self.now += seconds
