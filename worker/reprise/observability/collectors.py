"""Figures that are asked for when somebody scrapes: the lag of memory, the index and the store of Redis."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from typing import Final, Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reprise.errors import RepriseError
from reprise.model import MemoryUsage
from reprise.processing.ports import Partition

#: Seconds that a figure asked of Redis is given again: however many scrape, Redis is asked this seldom.
STORE_SECONDS: Final = 15.0

T = TypeVar("T")


class LagCollector(Collector):
    """The lag of each partition that is assigned now."""

    def __init__(self, lag: Callable[[], Mapping[Partition, int]]) -> None:
        self._lag = lag

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the series without asking anybody."""
        yield self._family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the series."""
        family = self._family()
        for (topic, partition), messages in sorted(self._lag().items()):
            family.add_metric([topic, str(partition)], messages)
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "reprise_consumer_lag",
            "Messages between this worker's position and the end of a partition.",
            labels=["topic", "partition"],
        )


class _CachedValue(Generic[T]):
    """What somebody has to be asked for, asked every `seconds` at most, however often it is scraped.

    None while there is no answer: the pipeline sees the outage and tells of it; a scrape without the figure is right.
    """

    def __init__(self, ask: Callable[[], T], monotonic: Callable[[], float], seconds: float = STORE_SECONDS) -> None:
        self._ask = ask
        self._seconds = seconds
        self._monotonic = monotonic
        self._asked_at: float | None = None
        self._known: T | None = None

    @property
    def is_due(self) -> bool:
        """Whether the last answer is old, or there was none."""
        return self._asked_at is None or self._monotonic() - self._asked_at >= self._seconds

    @property
    def known(self) -> T | None:
        """The last answer."""
        return self._known

    def answer(self) -> T | None:
        """Give the last answer, or ask again when that is old."""
        if self.is_due:
            self._asked_at = self._monotonic()
            try:
                self._known = self._ask()
            except RepriseError:
                self._known = None
        return self._known


class IndexCollector(Collector):
    """How many representatives each namespace's index holds."""

    def __init__(self, size: Callable[[str], int], namespaces: Sequence[str], monotonic: Callable[[], float]) -> None:
        # a call takes milliseconds of Redis's time: with many namespaces each is asked the more seldom
        seconds = STORE_SECONDS * len(namespaces)
        self._sizes = {each: _CachedValue(partial(size, each), monotonic, seconds) for each in namespaces}
        self._turns = cycle(self._sizes.values())

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the series without asking anybody."""
        yield self._family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the series."""
        for asked in islice(self._turns, len(self._sizes)):
            # one that fails is the last of a scrape: of a Redis that hangs, each holds it as long as Redis may take
            if asked.is_due and asked.answer() is None:
                break
        family = self._family()
        for namespace, asked in self._sizes.items():
            if (size := asked.known) is not None:
                family.add_metric([namespace], size)
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "reprise_index_articles", "Representatives that the index of a namespace holds.", labels=["index_namespace"]
        )


def fullest(stores: Iterable[MemoryUsage]) -> MemoryUsage:
    """Of a cluster's servers the one nearest to its limit, which is met first; without limits, the one that uses most.

    Raises ValueError where there is none.
    """
    return max(stores, key=lambda each: (each.used_bytes / (each.max_bytes or math.inf), each.used_bytes))


class MemoryCollector(Collector):
    """What the store of Redis uses, and may use."""

    def __init__(self, memory: Callable[[], MemoryUsage], monotonic: Callable[[], float]) -> None:
        self._memory = _CachedValue(memory, monotonic)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Name the series without asking anybody."""
        return self._families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the series."""
        memory = self._memory.answer()
        used, limit = self._families()
        if memory is not None:
            used.add_metric([], memory.used_bytes)
            limit.add_metric([], memory.max_bytes)
        yield from (used, limit)

    @staticmethod
    def _families() -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily("reprise_redis_memory_used_bytes", "Memory that Redis uses, by its own account.")
        yield GaugeMetricFamily("reprise_redis_memory_max_bytes", "Memory that Redis may use (maxmemory); 0: no limit.")
