"""Test when articles are due: with a rate, bursts and a duration, on the simulated clock and on the real one."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import count, pairwise

import pytest

from reprise.commands.support.rate_limit import RateLimit, limit_rate
from reprise.errors import UsageError
from reprise.synthetic import CrawlOptions, generate_crawl
from reprise.synthetic.burst import SECOND_US, STEADY, Burst
from reprise.synthetic.crawl import START
from tests.fake_clock import FakeClock

BURST = Burst(times=10, seconds=2, every=10)


def run_batches(pace: RateLimit, messages: int = 100_000) -> Iterator[tuple[float, int]]:
    """Yield the time in seconds and the size of every batch, for a consumer that takes no time."""
    clock = FakeClock(1000.0)
    for batch in limit_rate(range(messages), pace, clock, clock.sleep):
        yield clock.now - 1000, len(batch)


def test_a_burst_multiplies_the_rate() -> None:
    """With 50 a second and 10 times that in the last 2 of 10 s, each second has 50 or 500 messages, within 10 %."""
    seconds: Counter[int] = Counter()
    for at, size in run_batches(RateLimit(rate=50, burst=BURST, duration_seconds=40)):
        seconds[int(at + 1e-6)] += size
    assert seconds.total() == 4 * (8 * 50 + 2 * 500)
    for second, messages in seconds.items():
        expected = 500 if second % 10 >= 8 else 50
        assert messages == pytest.approx(expected, abs=expected / 10), second


def test_the_simulated_clock_has_the_same_bursts() -> None:
    """Each simulated second has 50 articles, or 500 in a burst; random intervals cause deviations of a third."""
    seconds: Counter[int] = Counter()
    for x in generate_crawl(CrawlOptions(count=5600, words=40, interval_us=20_000, burst=BURST)):
        seconds[int((datetime.fromisoformat(x.article["crawled_at"]) - START).total_seconds())] += 1
    whole = {second: number for second, number in seconds.items() if 0 < second < 39}
    for second, number in whole.items():
        if second % 10 not in {0, 8, 7, 9}:  # the drawn intervals shift a burst's bounds
            assert number == pytest.approx(50, rel=0.34), second
    assert sum(number for second, number in whole.items() if second % 10 in {8, 9}) > 3 * 700


def test_the_simulated_clock_keeps_the_rate() -> None:
    """The mean interval matches the option within 2 %, even if it is not a whole number of milliseconds."""
    for interval_us in (100_000, 3_333, 250):
        articles = list(generate_crawl(CrawlOptions(count=5000, words=40, interval_us=interval_us)))
        elapsed = datetime.fromisoformat(articles[-1].article["crawled_at"]) - START
        assert elapsed.total_seconds() == pytest.approx(5000 * interval_us / SECOND_US, rel=0.02)


@pytest.mark.parametrize("burst", [STEADY, BURST, Burst(times=3, seconds=7, every=7)])
def test_a_burst_neither_loses_nor_repeats_time(burst: Burst) -> None:
    """The burst's time never decreases, and the two conversions are inverse within `times` microseconds."""
    times = [n * 137_911 for n in range(500)]
    clock = [burst.clock_us(time) for time in times]
    assert clock == sorted(clock)
    assert all(abs(burst.steady_us(at) - time) < burst.times for at, time in zip(clock, times, strict=True))
    if burst.times == 1:
        assert clock == times


def test_a_rate_and_a_duration_bound_the_messages() -> None:
    """At 30 a second for 7 s there are 210 messages, the last one due before the end."""
    batches = list(run_batches(RateLimit(rate=30, duration_seconds=7)))
    assert sum(size for _, size in batches) == 210
    assert batches[-1][0] < 7


def test_a_duration_without_a_rate_ends_by_the_clock() -> None:
    """Without a rate, batches follow each other until the duration is over."""
    clock, received = FakeClock(1000.0), 0
    for batch in limit_rate(count(), RateLimit(duration_seconds=3), clock, clock.sleep):
        received += len(batch)
        clock.sleep(0.5)
    assert received == 6 * 500


def test_a_batch_is_small_at_every_rate() -> None:
    """A batch has at most 500 messages; a batch of several messages covers at most 0.05 s."""
    for rate in (0.5, 7, 100, 5000, 80_000):
        batches = list(run_batches(RateLimit(rate=rate), messages=min(20_000, int(rate * 4) + 2)))
        assert max(size for _, size in batches) <= 500
        for (at, size), (after, _) in pairwise(batches):
            assert size == 1 or after - at <= 0.05 + 1 / rate


def test_the_clock_starts_with_the_first_batch() -> None:
    """The time that the first batch takes to generate does not count as a delay."""
    clock = FakeClock(1000.0)

    def slow_start() -> Iterator[int]:
        clock.sleep(5)
        yield from range(20)

    at = [clock.now for _ in limit_rate(slow_start(), RateLimit(rate=20), clock, clock.sleep)]
    assert at[:3] == pytest.approx([1005, 1005.05, 1005.1])


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"times": 0}, "times"),
        ({"times": 10_001}, "times"),
        ({"seconds": 11}, "seconds"),
        ({"seconds": 0}, "seconds"),
        ({"every": 31_536_001}, "every"),
    ],
)
def test_the_error_names_an_invalid_value_of_a_burst(wrong: dict[str, int], named: str) -> None:
    """Each value has bounds, and a burst is not longer than its period."""
    with pytest.raises(UsageError, match=f"burst: {named}"):
        Burst(**{"times": 2, "seconds": 2, "every": 10, **wrong})
