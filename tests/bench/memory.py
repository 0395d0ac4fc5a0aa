"""Measure the memory of the index: `python -m tests.bench.memory`.

Prints Markdown tables or JSON. Distinct synthetic articles are indexed in an embedded server. The growth of the
server's `used_memory`, divided by the indexed articles, is the memory of an indexed article. Then variants follow that
differ from these articles in one word: they are recorded, but not indexed. reprise/index/redis/keys.py defines the
kinds of keys.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from statistics import mean
from typing import Any, Final

import redis

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.index.redis.index import RedisIndex
from reprise.model import Article, Decision, Fingerprint
from reprise.replay.embedded_valkey import embedded_valkey
from reprise.synthetic import CrawlOptions, generate_crawl

#: budget in bytes at the expected number of articles: for an indexed article and for a variant
BUDGET_INDEXED, BUDGET_VARIANT = 1536, 120

#: the defaults of REPRISE_WINDOW_SECONDS and REPRISE_REPLAY_SECONDS
_RETENTION: Final = Retention(window_seconds=604_800, replay_seconds=86_400)

#: keys of a kind whose MEMORY USAGE is requested; their mean is within 2 % of the mean of all keys
_SAMPLE_SIZE: Final = 2_000

_BATCH: Final = 500
_NAMESPACE: Final = "bench"
_NOW_MS: Final = 1_750_000_000_000

OpenStore = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyKind:
    """One kind of key.

    keys        number of keys
    used_bytes  total MEMORY USAGE, extrapolated from a sample
    encodings   number of keys of the sample by encoding
    """

    keys: int
    used_bytes: int
    encodings: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryResult:
    """One run. Bytes are growth of used_memory. `kept_shingles` is the mean number of shingles of an article."""

    expected_articles: int
    share: float
    articles: int
    indexed: int
    kept_shingles: float
    bytes_indexed: float
    variants: int
    variants_indexed: int
    bytes_variant: float
    fragmentation_ratio: float
    articles_per_second: float
    server: str
    kinds: dict[str, KeyKind]


def measure(
    expected: int, share: float, words: int, seed: int, open_store: OpenStore = embedded_valkey
) -> MemoryResult:
    """Index share * expected articles in a new server, then variants of them, at most `expected`.

    open_store  runs an empty server and yields its URL

    With few variants the result would be dominated by the steps in which the server's allocator grows.
    """
    count = max(1, round(expected * share))
    options = CrawlOptions(count=count, seed=seed, words=words, spread=0.25, duplicates=0, html=0)
    with open_store() as url:
        client = redis.Redis.from_url(url)
        index = RedisIndex(client, rule=Rule(), retention=_RETENTION, expected_articles=expected)
        _warm_up(index, client, replace(options, count=_BATCH, seed=seed + 1))
        before, start = _used_memory(client), time.perf_counter()
        sizes: list[int] = []
        decisions = _decide(index, _record_sizes(_generate_fingerprints(options), sizes), _NOW_MS)
        seconds, full = time.perf_counter() - start, _used_memory(client)
        kinds, fragmentation = _measure_key_kinds(client), client.info("memory")["mem_fragmentation_ratio"]
        variants = _decide(index, islice(_generate_variants(options), expected), _NOW_MS + 1000)
        after = _used_memory(client)
        server = client.info("server")
        index.close()
    indexed = sum(decision.trace.indexed for decision in decisions)
    return MemoryResult(
        expected_articles=expected,
        share=share,
        articles=count,
        indexed=indexed,
        kept_shingles=mean(sizes),
        bytes_indexed=(full - before) / indexed,
        variants=len(variants),
        variants_indexed=sum(decision.trace.indexed for decision in variants),
        bytes_variant=(after - full) / len(variants),
        fragmentation_ratio=fragmentation,
        articles_per_second=count / seconds,
        server=f"{server.get('server_name', 'redis')} {server.get('valkey_version', server['redis_version'])}",
        kinds=kinds,
    )


def generate_articles(options: CrawlOptions) -> Iterator[Article]:
    """Yield the articles of a crawl without HTML."""
    for generated in generate_crawl(options):
        body = generated.article
        yield Article(article_id=body["id"], text=body["text"], source=body["source"])


def _generate_fingerprints(options: CrawlOptions) -> Iterator[Fingerprint]:
    return (fingerprint(article, Rule()) for article in generate_articles(options))


def _generate_variants(options: CrawlOptions) -> Iterator[Fingerprint]:
    """Yield copies of the articles with other ids, and one word in the middle of the longest line changed."""
    for article in generate_articles(options):
        line = max(article.text.split("\n"), key=len)
        middle = len(line) // 2
        text = article.text.replace(line, f"{line[:middle]}x{line[middle + 1 :]}")
        yield fingerprint(replace(article, article_id=f"{article.article_id}-v", text=text), Rule())


def _record_sizes(fingerprints: Iterable[Fingerprint], sizes: list[int]) -> Iterator[Fingerprint]:
    for item in fingerprints:
        sizes.append(item.signature.shingle_count if item.signature else 0)
        yield item


def _decide(index: RedisIndex, fingerprints: Iterable[Fingerprint], now_ms: int) -> list[Decision]:
    decisions: list[Decision] = []
    remaining = iter(fingerprints)
    while batch := list(islice(remaining, _BATCH)):
        decisions += index.decide(_NAMESPACE, batch, now_ms)
    return decisions


def _warm_up(index: RedisIndex, client: redis.Redis, options: CrawlOptions) -> None:
    """Allocate the memory that belongs to no article: scripts, client buffers, an empty namespace."""
    _decide(index, _generate_fingerprints(options), _NOW_MS)
    # A lazy flush would still free memory during the measurement.
    client.execute_command("FLUSHALL", "SYNC")  # type: ignore[no-untyped-call]
    index.prepare(_NAMESPACE)


def _used_memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


def _measure_key_kinds(client: redis.Redis) -> dict[str, KeyKind]:
    """Count the keys of each kind. Request size and encoding for a sample of each kind."""
    counted: Counter[str] = Counter()
    samples: dict[str, list[bytes]] = {}
    for key in client.scan_iter(count=10_000):
        kind = _parse_kind(key)
        counted[kind] += 1
        if len(sample := samples.setdefault(kind, [])) < _SAMPLE_SIZE:
            sample.append(key)  # SCAN returns keys in the order of their hashes, so the first ones are a random sample
    return {kind: _measure_key_kind(client, counted[kind], samples[kind]) for kind in sorted(counted)}


def _parse_kind(key: bytes) -> str:
    """Return KIND of {namespace}:VERSION:KIND:... or {namespace}:KIND."""
    parts = key.decode("utf-8", "replace").split("}:", 1)[1].split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def _measure_key_kind(client: redis.Redis, count: int, sample: Sequence[bytes]) -> KeyKind:
    pipeline = client.pipeline(transaction=False)
    for key in sample:
        pipeline.memory_usage(key, samples=0)
        pipeline.object("encoding", key)
    replies: list[Any] = pipeline.execute()
    encodings = Counter(encoding.decode() for encoding in replies[1::2])
    return KeyKind(
        keys=count, used_bytes=round(sum(replies[::2]) / len(sample) * count), encodings=dict(encodings.most_common())
    )


def markdown(runs: Sequence[MemoryResult]) -> str:
    """Return Markdown: a table of all runs, and for each run a table of its kinds of keys."""
    first = runs[0]
    out = [
        f"Expected articles {first.expected_articles:,}; {first.kept_shingles:.0f} shingles per article; "
        f"{first.server}; budget: {BUDGET_INDEXED:,} bytes per indexed article, {BUDGET_VARIANT} per variant.",
        "",
        "| share of expected | articles | indexed | bytes per indexed article | bytes per unindexed variant |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in runs:
        variant = f"{run.bytes_variant:,.0f}" + (f" ({run.variants_indexed} indexed)" if run.variants_indexed else "")
        out.append(f"| {run.share:.0%} | {run.articles:,} | {run.indexed:,} | {run.bytes_indexed:,.0f} | {variant} |")
    for run in runs:
        out += ["", *_key_kind_table(run)]
    return "\n".join(out)


def _key_kind_table(run: MemoryResult) -> Iterator[str]:
    yield f"At {run.share:.0%}, by kind of key ({run.articles_per_second:,.0f} articles/s, including the text step):"
    yield ""
    yield "| kind | keys | bytes per key | bytes per indexed article | encoding |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for name, kind in run.kinds.items():
        encodings = ", ".join(
            f"{encoding} {count / sum(kind.encodings.values()):.0%}" for encoding, count in kind.encodings.items()
        )
        yield (
            f"| `{name}` | {kind.keys:,} | {kind.used_bytes / kind.keys:,.0f} | "
            f"{kind.used_bytes / run.indexed:,.0f} | {encodings} |"
        )
    rest = run.bytes_indexed - sum(kind.used_bytes for kind in run.kinds.values()) / run.indexed
    yield f"| the server's tables of keys and expiry times | | | {rest:,.0f} | |"


def main() -> int:
    """Measure and print. Return 1 if a run at the expected size is over the budget."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description=__doc__)
    parser.add_argument("--expected", type=int, default=20_000, help="REPRISE_EXPECTED_ARTICLES")
    parser.add_argument(
        "--share", type=float, action="append", help="share of it that is indexed; repeatable (default: 1)"
    )
    parser.add_argument(
        "--words", type=int, default=560, help="mean words of a story; the notices of a page add about 40"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    runs = [measure(options.expected, share, options.words, options.seed) for share in options.share or [1.0]]
    sys.stdout.write((json.dumps([asdict(run) for run in runs], indent=2) if options.json else markdown(runs)) + "\n")
    return 1 if any(run.share == 1 and not _is_within_budget(run) for run in runs) else 0


def _is_within_budget(run: MemoryResult) -> bool:
    return run.bytes_indexed <= BUDGET_INDEXED and run.bytes_variant <= BUDGET_VARIANT


if __name__ == "__main__":
    sys.exit(main())
