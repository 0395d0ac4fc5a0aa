"""The request to stop, and waiting that ends with it."""

from reprise.processing.shutdown import StopRequest


class Clock:
    """Time that passes while somebody sleeps, and calls somebody at a moment."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stop: StopRequest | None = None
        self.stop_at = float("inf")

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.stop is not None and self.now >= self.stop_at:
            self.stop.request()


def test_wait_takes_the_time_it_is_given() -> None:
    """Nobody stops: the whole time passes."""
    clock = Clock()
    StopRequest(clock, clock.sleep).wait(30.0)
    assert clock.now >= 30.0


def test_wait_ends_with_the_request_to_stop() -> None:
    """A worker that only waits to be looked at ends at once when it is told to."""
    clock = Clock()
    clock.stop, clock.stop_at = StopRequest(clock, clock.sleep), 5.0
    clock.stop.wait(30.0)
    assert 5.0 <= clock.now < 6.0
