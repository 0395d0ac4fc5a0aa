"""Bursts: how the steady time of a crawl becomes the time of a clock that knows hours of breaking news.

May live here: the arithmetic, the same for the simulated clock and for the real pace, in whole microseconds.
"""

from dataclasses import dataclass
from typing import Final

from reprise.errors import UsageError

#: microseconds a second
SECOND_US: Final = 1_000_000

#: largest multiple of the rate; at a rate of 1,000 a second that is more than any broker takes
_MOST_TIMES: Final = 10_000

#: longest period in seconds: a year
_LONGEST: Final = 31_536_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """The rate is `times` as high in the last `seconds` of every `every` seconds.

    Steady time is the time that as many articles would take without bursts. Raises UsageError, a line for each mistake.
    """

    times: int
    seconds: int
    every: int

    def __post_init__(self) -> None:
        mistakes = [
            f"burst: {name} must be in 1..{most}, not {value}"
            for name, value, most in (
                ("times", self.times, _MOST_TIMES),
                ("every", self.every, _LONGEST),
                ("seconds", self.seconds, self.every),
            )
            if not 1 <= value <= most
        ]
        if mistakes:
            raise UsageError("\n".join(mistakes))

    def clock_us(self, steady_us: int) -> int:
        """Say when on the clock so much steady time is over. Never decreases."""
        quiet_us = (self.every - self.seconds) * SECOND_US
        periods, rest = divmod(steady_us, quiet_us + self.times * self.seconds * SECOND_US)
        return periods * self.every * SECOND_US + min(rest, quiet_us) + max(0, rest - quiet_us) // self.times

    def steady_us(self, clock_us: int) -> int:
        """Say how much steady time is over by then: the inverse of `clock_us`."""
        quiet_us = (self.every - self.seconds) * SECOND_US
        periods, rest = divmod(clock_us, self.every * SECOND_US)
        steady_us = periods * (quiet_us + self.times * self.seconds * SECOND_US)
        return steady_us + min(rest, quiet_us) + max(0, rest - quiet_us) * self.times


#: The rate is the same at all times.
STEADY: Final = Burst(times=1, seconds=1, every=1)
