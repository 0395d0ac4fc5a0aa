from reprise.processing.shutdown import StopRequest
from tests.fake_clock import FakeClock


def test_wait_lasts_for_its_seconds() -> None:
    """Without a request to stop, the whole time passes."""
    clock = FakeClock()
    StopRequest(clock, clock.sleep).wait(30.0)
    assert clock.now >= 30.0


def test_wait_ends_with_the_request_to_stop() -> None:
    """A waiting worker stops at once after the request."""
    clock = FakeClock()

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.now >= 5.0:
            stop.request()

    stop = StopRequest(clock, sleep)
    stop.wait(30.0)
    assert 5.0 <= clock.now < 6.0
