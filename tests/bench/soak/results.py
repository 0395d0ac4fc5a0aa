"""Define the results of a soak test as the JSON file holds them, and check them."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.bench.goals.results import Machine
from tests.bench.soak.profile import SoakProfile

#: largest growth factor from the third window to the last; the number of indexed articles varies between windows, and
#: the sweep is later on a busy machine: both together caused 4 %
MAX_GROWTH: Final = 1.05

#: largest share by which Redis's memory may exceed the initial memory at the end
MAX_REMAINING: Final = 0.01

_MEMORY, _KEYS, _ENTRIES, _ARTICLES = (
    "memory of the index, bytes",
    "keys",
    "records and hash fields",
    "articles in the index",
)

#: figures that MAX_GROWTH applies to; the others vary by an eighth with the rounds of the sweep, which a busy machine
#: makes longer, and a leak of either shows as memory
_CHECKED: Final = (_MEMORY, _KEYS)

#: the window that the last one is compared with: the first in which every kind of key has its steady level
_STEADY_WINDOW: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakSeries:
    """Samples over time. Each list has an item per sample.

    seconds         time since the start of the load
    used_bytes      Redis's used_memory minus its value before the first article
    keys            keys of the server
    entries         fields of all hashes, and records
    index_articles  the worker's reprise_index_articles, updated every 15 s; None before its first value
    """

    seconds: list[float]
    used_bytes: list[int]
    keys: list[int]
    entries: list[int]
    index_articles: list[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakResults:
    """All results of a soak test.

    sent           decided articles
    empty_bytes    used_memory before the first article
    left_bytes     used_memory at the end
    gone_seconds   time from the last article until Redis had no keys; None if it still has some
    """

    command: str
    date: str
    machine: Machine
    profile: SoakProfile
    sent: int
    empty_bytes: int
    left_bytes: int
    gone_seconds: float | None
    series: SoakSeries

    def levels(self) -> dict[str, tuple[float, float]]:
        """Return the median of each figure in the steady window and in the last one."""
        columns: dict[str, Sequence[float | None]] = {
            _MEMORY: self.series.used_bytes,
            _KEYS: self.series.keys,
            _ENTRIES: self.series.entries,
            _ARTICLES: self.series.index_articles,
        }
        return {
            name: (self._window_median(values, _STEADY_WINDOW), self._window_median(values, self.profile.windows))
            for name, values in columns.items()
        }

    def problems(self) -> list[str]:
        """Return a sentence for each requirement that is not met."""
        levels = self.levels()
        problems = [
            "{} grew from {:,.0f} to {:,.0f}".format(name, *levels[name])
            for name in _CHECKED
            if levels[name][1] > MAX_GROWTH * levels[name][0]
        ]
        if self.gone_seconds is None:
            problems.append("Redis still had keys at the end")
        if self.left_bytes > (1 + MAX_REMAINING) * self.empty_bytes:
            problems.append(f"Redis used {self.left_bytes:,} bytes at the end, {self.empty_bytes:,} before")
        return problems

    def _window_median(self, values: Sequence[float | None], window: int) -> float:
        length = self.profile.window_seconds
        return median(
            value
            for at, value in zip(self.series.seconds, values, strict=True)
            if value is not None and (window - 1) * length <= at < window * length
        )
