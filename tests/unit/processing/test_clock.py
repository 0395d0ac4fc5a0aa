"""SharedClock: the time of the index's server, and clocks that differ from it."""

import pytest

from reprise.errors import Fatal, Unreachable
from reprise.processing.clock import CHECK_SECONDS, MAX_SKEW_SECONDS, SharedClock
from tests.fake_clock import FakeClock


class Server:
    """A server whose time is the monotonic time plus 1,000,000 s. Each request takes `seconds` there and back."""

    def __init__(self, *, ahead: float = 0.0, seconds: float = 0.0) -> None:
        self.monotonic = FakeClock()
        self.ahead = ahead
        self.seconds = seconds
        self.is_down = False
        self.requests = 0
        self.skews: list[float] = []
        self.clock = SharedClock(
            self.read, on_skew=self.skews.append, local=lambda: self.time + self.ahead, monotonic=self.monotonic
        )

    @property
    def time(self) -> float:
        return 1_000_000 + self.monotonic()

    def read(self) -> float | None:
        self.requests += 1
        self.monotonic.sleep(self.seconds / 2)
        if self.is_down:
            raise Unreachable("redis")
        time = self.time
        self.monotonic.sleep(self.seconds / 2)
        return time


@pytest.mark.parametrize("ahead", [0.0, 299.0, -299.0])
def test_the_time_is_that_of_the_server(ahead: float) -> None:
    """A clock that is a few minutes wrong makes no difference, also between two comparisons."""
    server = Server(ahead=ahead)
    server.clock.check()
    for _ in range(100):
        server.monotonic.sleep(1.7)
        assert server.clock() == pytest.approx(server.time)
    assert server.skews[0] == pytest.approx(ahead)


def test_the_server_is_read_at_most_every_thirty_seconds() -> None:
    """A comparison is a round trip, which a batch must not wait for."""
    server = Server()
    server.clock.check()
    for _ in range(1000):
        server.monotonic.sleep(0.1)
        server.clock()
    assert server.requests == 1 + 100 // CHECK_SECONDS


@pytest.mark.parametrize(("ahead", "words"), [(7200.0, "7200 s ahead of"), (-7200.0, "7200 s behind")])
def test_a_clock_that_is_hours_wrong_is_refused(ahead: float, words: str) -> None:
    """The error names both clocks and the remedy; the metric has the difference."""
    server = Server(ahead=ahead)
    with pytest.raises(Fatal, match=f"this machine is {words} that of Redis.*synchronise"):
        server.clock.check()
    assert server.skews == [pytest.approx(ahead)]


def test_a_clock_that_goes_wrong_later_is_refused() -> None:
    """The next comparison finds it. Until then the time does not follow this machine's clock."""
    server = Server()
    server.clock.check()
    server.ahead = MAX_SKEW_SECONDS + 1
    server.monotonic.sleep(CHECK_SECONDS / 2)
    assert server.clock() == pytest.approx(server.time)
    server.monotonic.sleep(CHECK_SECONDS / 2)
    with pytest.raises(Fatal, match="301 s ahead"):
        server.clock()


def test_time_continues_while_the_server_is_unreachable() -> None:
    """Each failed comparison is repeated after thirty seconds."""
    server = Server(ahead=50.0)
    server.clock.check()
    server.is_down = True
    for _ in range(50):
        server.monotonic.sleep(7)
        assert server.clock() == pytest.approx(server.time)
    assert server.requests < 20


def test_a_slow_answer_is_no_difference_of_clocks() -> None:
    """The moment of the answer lies between the request and its end."""
    server = Server(seconds=4.0)
    server.clock.check()
    assert server.skews == [pytest.approx(0.0)]


def test_without_a_server_time_the_local_clock_is_used() -> None:
    """The user may run neither TIME nor an INFO that has the time."""
    clock = SharedClock(lambda: None, on_skew=lambda _: None, local=lambda: 5.0)
    clock.check()
    assert clock() == 5.0
