"""Metrics that are read at scrape time: the consumer's lag, the index's size, Redis's memory."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from itertools import cycle, islice
from typing import Final, Generic, TypeVar

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reprise.errors import RepriseError
from reprise.model import MemoryUsage
from reprise.processing.ports import Partition

#: Least seconds between two queries of Redis for one gauge, however many scrapers there are.
REDIS_QUERY_INTERVAL_SECONDS: Final = 15.0

T = TypeVar("T")


class LagCollector(Collector):
    """Exports the lag of each partition that is assigned at the time of the scrape, in messages and in seconds.

    lag           messages that are not delivered, by partition
    delivered_at  timestamp of the latest delivered message by partition, in seconds since the epoch. Partitions that
                  are no longer assigned are removed from it: when they return, their old timestamp would be wrong

    The lag in seconds of a partition is unknown until its first message is delivered.
    """

    def __init__(
        self,
        lag: Callable[[], Mapping[Partition, int]],
        delivered_at: MutableMapping[Partition, float],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._lag = lag
        self._delivered_at = delivered_at
        self._clock = clock

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the metrics without samples, so that registering them reads no lag."""
        return self._families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the metrics with their samples."""
        lag, now = self._lag(), self._clock()
        messages, seconds = self._families()
        for (topic, partition), message_count in sorted(lag.items()):
            labels = [topic, str(partition)]
            messages.add_metric(labels, message_count)
            delivered_at = self._delivered_at.get((topic, partition))
            if not message_count:
                seconds.add_metric(labels, 0)
            elif delivered_at is not None:
                seconds.add_metric(labels, max(0.0, now - delivered_at))
        for revoked in self._delivered_at.keys() - lag.keys():
            self._delivered_at.pop(revoked, None)
        yield from (messages, seconds)

    @staticmethod
    def _families() -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "reprise_consumer_lag",
            "Messages between this worker's position and the end of the partition.",
            labels=["topic", "partition"],
        )
        yield GaugeMetricFamily(
            "reprise_consumer_lag_seconds",
            "Age of the latest delivered message while the partition has a lag, else 0.",
            labels=["topic", "partition"],
        )


class _CachedQuery(Generic[T]):
    """A query of Redis that runs once in `interval_seconds` at most.

    Its value is None before the first query and after one that failed: the sample is then left out of the scrape. The
    pipeline logs outages, so a failure is not logged here.
    """

    def __init__(
        self,
        query: Callable[[], T],
        monotonic: Callable[[], float],
        interval_seconds: float = REDIS_QUERY_INTERVAL_SECONDS,
    ) -> None:
        self._query = query
        self._interval_seconds = interval_seconds
        self._monotonic = monotonic
        self._queried_at: float | None = None
        self._value: T | None = None

    @property
    def is_due(self) -> bool:
        """Whether the interval since the last query is over."""
        return self._queried_at is None or self._monotonic() - self._queried_at >= self._interval_seconds

    @property
    def value(self) -> T | None:
        """The result of the last query."""
        return self._value

    def refresh(self) -> T | None:
        """Query Redis if that is due, and return the value."""
        if self.is_due:
            self._queried_at = self._monotonic()
            try:
                self._value = self._query()
            except RepriseError:
                self._value = None
        return self._value


class IndexCollector(Collector):
    """Exports the number of representatives that the index of each namespace holds."""

    def __init__(self, size: Callable[[str], int], namespaces: Sequence[str], monotonic: Callable[[], float]) -> None:
        # A query takes milliseconds of Redis's time. The interval grows with the number of namespaces, so that the
        # load on Redis does not.
        interval_seconds = REDIS_QUERY_INTERVAL_SECONDS * len(namespaces)
        self._sizes = {name: _CachedQuery(partial(size, name), monotonic, interval_seconds) for name in namespaces}
        self._rotation = cycle(self._sizes.values())

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the metric without samples, so that registering it queries nothing."""
        yield self._family()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the metric with its samples."""
        for query in islice(self._rotation, len(self._sizes)):
            # The first failure ends the queries of this scrape: if Redis hangs, each query blocks for its timeout.
            # The next scrape continues with the namespace after it.
            if query.is_due and query.refresh() is None:
                break
        family = self._family()
        for namespace, query in self._sizes.items():
            if (size := query.value) is not None:
                family.add_metric([namespace], size)
        yield family

    @staticmethod
    def _family() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "reprise_index_articles", "Representatives that the index of a namespace holds.", labels=["index_namespace"]
        )


def find_fullest_server(servers: Iterable[MemoryUsage]) -> MemoryUsage:
    """Return the memory usage of the server that is nearest to its limit.

    This is the server of a cluster that refuses writes first. If no server has a limit, it is the one that uses the
    most memory. Raises ValueError if there is no server.
    """
    return max(servers, key=lambda server: (server.used_bytes / (server.max_bytes or math.inf), server.used_bytes))


class MemoryCollector(Collector):
    """Exports the memory that Redis uses and its limit."""

    def __init__(self, memory: Callable[[], MemoryUsage], monotonic: Callable[[], float]) -> None:
        self._memory = _CachedQuery(memory, monotonic)

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Return the metrics without samples, so that registering them queries nothing."""
        return self._families()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Return the metrics with their samples."""
        memory = self._memory.refresh()
        used, limit = self._families()
        if memory is not None:
            used.add_metric([], memory.used_bytes)
            limit.add_metric([], memory.max_bytes)
        yield from (used, limit)

    @staticmethod
    def _families() -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "reprise_redis_memory_used_bytes",
            "Memory that Redis uses (used_memory); on a cluster, of the server nearest to its limit.",
        )
        yield GaugeMetricFamily(
            "reprise_redis_memory_max_bytes", "Memory that this Redis server may use (maxmemory); 0 means no limit."
        )
