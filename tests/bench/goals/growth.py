"""The time of a decision against the size of the index, and what the index occupies.

Two servers: in one the index grows, in the other it begins anew with the first size whenever the grown one is looked
at. Both get the same probes by turns, so that what slows the machine down slows both. Articles and probes are generated
ones, through the real text step and the real scripts, with the default settings: half of a probe's articles are new and
get indexed, half are worn reprints of articles that both indexes hold, which get indexed, too.
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
from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text.fingerprint import fingerprint_batch
from reprise.index.redis.index import RedisIndex
from reprise.model import Article, Fingerprint
from reprise.settings.groups import IndexSettings
from reprise.synthetic import CrawlOptions
from tests.bench.goals.results import Growth, Probe, Size
from tests.bench.goals.servers import fresh_store, store_seconds
from tests.bench.goals.summary import ratios
from tests.bench.memory import articles_of

#: Articles of one round trip: the worker's own default.
_BATCH: Final = 500

#: Probes of each index at each size.
_PROBES: Final = 5

#: Mean words of a generated story: with its page's notices 600 kept words, as `make bench-memory` has them.
_CRAWL: Final = CrawlOptions(count=0, words=560, spread=0.25, duplicates=0, html=0)

#: Seeds of the articles that an index holds and of those that are new to it.
_HELD, _NEW = 11, 12

_NAMESPACE: Final = "growth"
_SETTINGS: Final = IndexSettings()
_RETENTION: Final = Retention(window_seconds=_SETTINGS.window_seconds, replay_seconds=_SETTINGS.replay_seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Index:
    """An index in a server of its own."""

    client: redis.Redis
    index: RedisIndex

    def decide(self, batch: list[Fingerprint]) -> None:
        """Decide a batch as the worker does: one round trip, the clock's own time, a sweep at its end."""
        self.index.decide(_NAMESPACE, batch, int(time.time() * 1000))

    def used(self) -> int:
        """Bytes that the server uses."""
        return int(self.client.info("memory")["used_memory"])

    def probe(self, batch: list[Fingerprint]) -> Probe:
        """Decide a batch, timed from both sides."""
        used, began = store_seconds(self.client), time.perf_counter()
        self.decide(batch)
        passed, spent = time.perf_counter() - began, store_seconds(self.client) - used
        return Probe(server_us=1e6 * spent / len(batch), round_trip_us=1e6 * passed / len(batch))


def measure(plan: StackPlan, sizes: tuple[int, ...], say: Callable[[str], None]) -> Growth:
    """Fill the one up to each size; then fill the other anew, and probe both."""
    found: list[Size] = []
    shingles: list[int] = []
    held = _batches(_pages(_HELD, sizes[-1]))
    with ExitStack() as opened:
        grown, small = (_opened(opened, plan) for _ in range(2))
        empty, filled = grown.used(), 0
        for number, size in enumerate(sizes):
            began, count = time.perf_counter(), 0
            while filled < size:
                batch = next(held)
                grown.decide(batch)
                shingles += [each.signature.size for each in batch[:1] if each.signature]
                filled, count = filled + len(batch), count + len(batch)
            rate = count / (time.perf_counter() - began)
            used = grown.used() - empty
            _refill(small, sizes[0])
            probes = [(grown.probe(batch), small.probe(batch)) for batch in _probes(number, sizes[0])]
            found.append(
                Size(
                    articles=filled,
                    used_bytes=used,
                    filled_a_second=rate,
                    grown=[each for each, _ in probes],
                    small=[each for _, each in probes],
                )
            )
            filled += _PROBES * _BATCH
            grown_us, small_us = ([each.server_us for each in probed] for probed in (found[-1].grown, found[-1].small))
            times = ratios(grown_us, small_us).median
            say(f"index of {size:,}: {median(grown_us):,.0f} us a decision, {times:.2f} times that of the first size")
    return Growth(
        expected_articles=_SETTINGS.expected_articles,
        kept_shingles=mean(shingles),
        batch=_BATCH,
        sizes=found,
    )


def _opened(stack: ExitStack, plan: StackPlan) -> _Index:
    client = redis.Redis.from_url(stack.enter_context(fresh_store(plan)))
    index = RedisIndex(client, rule=Rule(), retention=_RETENTION, expected_articles=_SETTINGS.expected_articles)
    stack.enter_context(closing(index))
    index.prepare(_NAMESPACE)
    return _Index(client=client, index=index)


def _refill(index: _Index, size: int) -> None:
    index.client.execute_command("FLUSHALL", "SYNC")  # a lazy one would go on freeing while we measure
    index.index.prepare(_NAMESPACE)
    for batch in _batches(_pages(_HELD, size)):
        index.decide(batch)


def _probes(number: int, held: int) -> Iterator[list[Fingerprint]]:
    """Batches that no index has seen: of each half new, half reprints of what every index holds.

    Each size has reprints of others: one that the grown index had met before would be an exact copy there, which is
    found at a glance. Raises ValueError where the first size has too few articles for that.
    """
    half = _BATCH // 2
    each = _PROBES * half
    new = _pages(_NEW + number, each)
    reprints = map(_worn, islice(_pages(_HELD, held), number * each, (number + 1) * each))
    yield from _batches(article for pair in zip(new, reprints, strict=True) for article in pair)


def _worn(article: Article) -> Article:
    """Another site's cut of an article: its second half is gone, so that it is compared, and indexed as a variant."""
    return replace(
        article,
        article_id=f"{article.article_id}-worn",
        source="worn.example",
        text=article.text[: len(article.text) // 2],
    )


def _pages(seed: int, count: int) -> Iterator[Article]:
    return articles_of(replace(_CRAWL, seed=seed, count=count))


def _batches(articles: Iterable[Article]) -> Iterator[list[Fingerprint]]:
    left = iter(articles)
    while batch := list(islice(left, _BATCH)):
        yield list(fingerprint_batch(batch, Rule()))
