"""Measure the time of a decision and the memory of the index by the size of the index.

There are two servers. In one the index grows. In the other the index is refilled to the first size before each
measurement. Both get the same probes in turns, so that other load affects both. Articles and probes are generated, and
go through the real text step and scripts with the default settings. Half of a probe's articles are new; the other half
are cut reprints of articles that both indexes hold. All of them are indexed.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from itertools import islice
from statistics import mean, median
from typing import Final

import redis

from deploy.local.stack import StackPlan
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint_batch
from reprise.index.redis.index import RedisIndex
from reprise.model import Article, Fingerprint
from reprise.settings.groups import IndexSettings
from reprise.synthetic import CrawlOptions
from tests.bench.goals.results import IndexGrowth, IndexSize, Probe
from tests.bench.goals.servers import open_fresh_redis, redis_cpu_seconds
from tests.bench.goals.summary import summarize_ratios
from tests.bench.memory import generate_articles

#: articles of a batch: the default of the worker
_BATCH: Final = 500

#: probes of each index at each size
_PROBES: Final = 5

#: a generated story and the notices of its page have 600 kept words on average, as in `make bench-memory`
_CRAWL: Final = CrawlOptions(count=0, words=560, spread=0.25, duplicates=0, html=0)

#: seeds of the indexed articles and of the new articles of a probe
_INDEXED_SEED, _NEW_SEED = 11, 12

_NAMESPACE: Final = "growth"
_SETTINGS: Final = IndexSettings()
_RETENTION: Final = Retention(window_seconds=_SETTINGS.window_seconds, replay_seconds=_SETTINGS.replay_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _MeasuredIndex:
    """An index in a server of its own."""

    client: redis.Redis
    index: RedisIndex

    def decide(self, batch: list[Fingerprint]) -> None:
        """Decide a batch like the worker: one round trip, the current time, a sweep at the end."""
        self.index.decide(_NAMESPACE, batch, int(time.time() * 1000))

    def used_memory(self) -> int:
        """Return the memory that the server uses, in bytes."""
        return int(self.client.info("memory")["used_memory"])

    def probe(self, batch: list[Fingerprint]) -> Probe:
        """Decide a batch, and measure the time of the server and of the round trip."""
        cpu_before, start = redis_cpu_seconds(self.client), time.perf_counter()
        self.decide(batch)
        seconds, cpu_seconds = time.perf_counter() - start, redis_cpu_seconds(self.client) - cpu_before
        return Probe(server_us=1e6 * cpu_seconds / len(batch), round_trip_us=1e6 * seconds / len(batch))


def measure(plan: StackPlan, sizes: tuple[int, ...], report: Callable[[str], None]) -> IndexGrowth:
    """At each size fill the growing index, refill the small one, and probe both."""
    measured: list[IndexSize] = []
    shingles: list[int] = []
    batches = _batches(_articles(_INDEXED_SEED, sizes[-1]))
    with ExitStack() as stack:
        grown, small = (_open_index(stack, plan) for _ in range(2))
        empty_bytes, filled = grown.used_memory(), 0
        for number, size in enumerate(sizes):
            start, count = time.perf_counter(), 0
            while filled < size:
                batch = next(batches)
                grown.decide(batch)
                shingles += [item.signature.shingle_count for item in batch[:1] if item.signature]
                filled, count = filled + len(batch), count + len(batch)
            rate = count / (time.perf_counter() - start)
            used_bytes = grown.used_memory() - empty_bytes
            _refill(small, sizes[0])
            probes = [(grown.probe(batch), small.probe(batch)) for batch in _probes(number, sizes[0])]
            measured.append(
                IndexSize(
                    articles=filled,
                    used_bytes=used_bytes,
                    articles_per_second=rate,
                    grown=[probe for probe, _ in probes],
                    small=[probe for _, probe in probes],
                )
            )
            filled += _PROBES * _BATCH
            grown_us = [probe.server_us for probe in measured[-1].grown]
            small_us = [probe.server_us for probe in measured[-1].small]
            ratio = summarize_ratios(grown_us, small_us).median
            report(
                f"{size:,} articles: {median(grown_us):,.0f} us per decision, {ratio:.2f} times that of the first size"
            )
    return IndexGrowth(
        expected_articles=_SETTINGS.expected_articles,
        kept_shingles=mean(shingles),
        batch=_BATCH,
        sizes=measured,
    )


def _open_index(stack: ExitStack, plan: StackPlan) -> _MeasuredIndex:
    client = redis.Redis.from_url(stack.enter_context(open_fresh_redis(plan)))
    index = RedisIndex(client, rule=Rule(), retention=_RETENTION, expected_articles=_SETTINGS.expected_articles)
    stack.enter_context(closing(index))
    index.prepare(_NAMESPACE)
    return _MeasuredIndex(client=client, index=index)


def _refill(index: _MeasuredIndex, size: int) -> None:
    # A lazy flush would still free memory during the measurement.
    index.client.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]
    index.index.prepare(_NAMESPACE)
    for batch in _batches(_articles(_INDEXED_SEED, size)):
        index.decide(batch)


def _probes(number: int, indexed: int) -> Iterator[list[Fingerprint]]:
    """Yield batches that no index has seen. Half of each is new, half are reprints of articles that all indexes hold.

    Each size uses other reprints: the growing index would find a repeated one as an exact copy, which is faster. Raises
    ValueError if the first size has too few articles for this.
    """
    half = _BATCH // 2
    count = _PROBES * half
    new = _articles(_NEW_SEED + number, count)
    reprints = map(_cut_reprint, islice(_articles(_INDEXED_SEED, indexed), number * count, (number + 1) * count))
    yield from _batches(article for pair in zip(new, reprints, strict=True) for article in pair)


def _cut_reprint(article: Article) -> Article:
    """Return a reprint without the second half of the text, so that it is compared and indexed as a variant."""
    return replace(
        article,
        article_id=f"{article.article_id}-reprint",
        source="reprint.example",
        text=article.text[: len(article.text) // 2],
    )


def _articles(seed: int, count: int) -> Iterator[Article]:
    return generate_articles(replace(_CRAWL, seed=seed, count=count))


def _batches(articles: Iterable[Article]) -> Iterator[list[Fingerprint]]:
    remaining = iter(articles)
    while batch := list(islice(remaining, _BATCH)):
        yield list(fingerprint_batch(batch, Rule()))
