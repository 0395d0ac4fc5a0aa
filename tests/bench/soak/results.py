"""What a soak saw, as it is kept in JSON, and what that says."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.bench.goals.results import Machine
from tests.bench.soak.profile import Form

#: Growth from the third window to the last that is still a flat line: how many of a window's articles get indexed is
#: the generator's luck, and a busy machine sweeps later; both together were seen to make 4 %.
FLAT: Final = 1.05

#: How near to where it began Redis must come, as a share.
NEAR: Final = 0.01

_MEMORY, _KEYS, _ENTRIES, _ARTICLES = (
    "Redis's memory for it, bytes",
    "keys",
    "records and fields",
    "articles in the index",
)

#: Judged by FLAT. The others go up and down by an eighth with the sweep's rounds, which a busy machine makes longer; a
#: leak of either is one of memory.
_JUDGED: Final = (_MEMORY, _KEYS)

#: The window that the last is compared with: the first in which every kind of key is at its level from the start.
_STEADY_WINDOW: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Looks, one after the other; each list has an item a look.

    seconds         since the load began
    used_bytes      Redis's used_memory beyond what it was before the first article
    keys            of the server
    entries         fields of all hashes, and records
    index_articles  the worker's reprise_index_articles, which asks Redis every 15 s; None before the first answer
    """

    seconds: list[float]
    used_bytes: list[int]
    keys: list[int]
    entries: list[int]
    index_articles: list[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Soak:
    """All of a run. `empty_bytes` and `left_bytes` are used_memory before the first article and at the end.

    sent           articles that were decided
    gone_seconds   after the last article, when Redis was without keys; None where that was not seen
    """

    command: str
    date: str
    machine: Machine
    form: Form
    sent: int
    empty_bytes: int
    left_bytes: int
    gone_seconds: float | None
    series: Series

    def levels(self) -> dict[str, tuple[float, float]]:
        """Medians of the steady window and of the last, by what was looked at."""
        columns: dict[str, Sequence[float | None]] = {
            _MEMORY: self.series.used_bytes,
            _KEYS: self.series.keys,
            _ENTRIES: self.series.entries,
            _ARTICLES: self.series.index_articles,
        }
        return {
            name: (self._level(values, _STEADY_WINDOW), self._level(values, self.form.windows))
            for name, values in columns.items()
        }

    def mistakes(self) -> list[str]:
        """What is not as promised, a sentence each."""
        levels = self.levels()
        said = [
            "{} grew from {:,.0f} to {:,.0f}".format(name, *levels[name])
            for name in _JUDGED
            if levels[name][1] > FLAT * levels[name][0]
        ]
        if self.gone_seconds is None:
            said.append("Redis still held keys")
        if self.left_bytes > (1 + NEAR) * self.empty_bytes:
            said.append(f"Redis used {self.left_bytes:,} bytes at the end, {self.empty_bytes:,} before")
        return said

    def _level(self, values: Sequence[float | None], window: int) -> float:
        length = self.form.window_seconds
        return median(
            value
            for at, value in zip(self.series.seconds, values, strict=True)
            if value is not None and (window - 1) * length <= at < window * length
        )
