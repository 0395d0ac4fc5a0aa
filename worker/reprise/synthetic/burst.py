"""Convert between a crawl's steady time and a clock on which the rate rises in bursts.

The simulated clock and the real rate limit share this arithmetic. It uses whole microseconds.
"""

from dataclasses import dataclass
from typing import Final

from reprise.errors import UsageError

#: microseconds in a second
SECOND_US: Final = 1_000_000

#: largest multiple of the rate; with 1,000 messages a second it already exceeds the throughput of a broker
_MAX_TIMES: Final = 10_000

#: longest period: one year, in seconds
_MAX_EVERY_SECONDS: Final = 31_536_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """A periodic burst: the rate is multiplied by `times` in the last `seconds` of every `every` seconds.

    Steady time is the time that the same number of articles takes without bursts.
    Raises UsageError with one line for each invalid value.
    """

    times: int
    seconds: int
    every: int

    def __post_init__(self) -> None:
        errors = [
            f"burst: {name} must be in 1..{maximum}, not {value}"
            for name, value, maximum in (
                ("times", self.times, _MAX_TIMES),
                ("every", self.every, _MAX_EVERY_SECONDS),
                ("seconds", self.seconds, self.every),
            )
            if not 1 <= value <= maximum
        ]
        if errors:
            raise UsageError("\n".join(errors))

    def clock_us(self, steady_us: int) -> int:
        """Convert steady time to clock time, both in microseconds. The result never decreases."""
        quiet_us = (self.every - self.seconds) * SECOND_US
        periods, rest = divmod(steady_us, quiet_us + self.times * self.seconds * SECOND_US)
        return periods * self.every * SECOND_US + min(rest, quiet_us) + max(0, rest - quiet_us) // self.times

    def steady_us(self, clock_us: int) -> int:
        """Convert clock time to steady time, both in microseconds: the inverse of `clock_us`."""
        quiet_us = (self.every - self.seconds) * SECOND_US
        periods, rest = divmod(clock_us, self.every * SECOND_US)
        steady_us = periods * (quiet_us + self.times * self.seconds * SECOND_US)
        return steady_us + min(rest, quiet_us) + max(0, rest - quiet_us) * self.times


#: a constant rate
STEADY: Final = Burst(times=1, seconds=1, every=1)
