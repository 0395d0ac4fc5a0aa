"""What the index costs in memory: `python -m tests.bench.memory`, a Markdown table, or JSON.

Distinct synthetic articles are indexed in an embedded server of their own; the growth of the server's `used_memory` is
divided by the articles that were indexed, all in. Then copies with one word changed follow, which their originals
cover: recorded, not indexed. The kinds of keys are named as in reprise/redis_index/keys.py.
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

from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text.fingerprint import fingerprint
from reprise.index.redis.index import RedisIndex
from reprise.model import Article, Decision, Fingerprint
from reprise.replay.embedded_valkey import embedded_valkey
from reprise.synthetic import CrawlOptions, generate_crawl

#: the budget at the expected number of articles, bytes: an indexed article, and what a variant leaves
BUDGET_INDEXED, BUDGET_VARIANT = 1536, 120

#: the defaults of REPRISE_WINDOW_SECONDS and REPRISE_REPLAY_SECONDS
_RETENTION: Final = Retention(window_seconds=604_800, replay_seconds=86_400)

#: keys of a kind whose MEMORY USAGE is asked; the mean of so many is within 2 % of all
_SAMPLE: Final = 2_000

_BATCH: Final = 500
_NAMESPACE: Final = "bench"
_NOW_MS: Final = 1_750_000_000_000

OpenStore = Callable[[], AbstractContextManager[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyKind:
    """One kind of key: how many, bytes in all (MEMORY USAGE, scaled up from a sample), encodings of the sample."""

    keys: int
    used_bytes: int
    encodings: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run. Bytes are growth of used_memory; `kept_shingles` is the mean size of a signature."""

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
    articles_a_second: float
    server: str
    kinds: dict[str, KeyKind]


def measure(expected: int, share: float, words: int, seed: int, open_store: OpenStore = embedded_valkey) -> Measured:
    """Index share * expected articles in a fresh server, then a variant of each, up to the expected number.

    open_store  runs a server that is empty and nobody else's, and gives its URL

    Fewer would measure the steps in which the server's allocator grows, not the variants.
    """
    count = max(1, round(expected * share))
    options = CrawlOptions(count=count, seed=seed, words=words, spread=0.25, duplicates=0, html=0)
    with open_store() as url:
        client = redis.Redis.from_url(url)
        index = RedisIndex(client, rule=Rule(), retention=_RETENTION, expected_articles=expected)
        _warm_up(index, client, replace(options, count=_BATCH, seed=seed + 1))
        before, start = _used(client), time.perf_counter()
        sizes: list[int] = []
        decisions = _decide(index, _watched(_fingerprints(options), sizes), _NOW_MS)
        seconds, full = time.perf_counter() - start, _used(client)
        kinds, fragmentation = _kinds(client), client.info("memory")["mem_fragmentation_ratio"]
        variants = _decide(index, islice(_variants(options), expected), _NOW_MS + 1000)
        after = _used(client)
        server = client.info("server")
        index.close()
    indexed = sum(decision.trace.indexed for decision in decisions)
    return Measured(
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
        articles_a_second=count / seconds,
        server=f"{server.get('server_name', 'redis')} {server.get('valkey_version', server['redis_version'])}",
        kinds=kinds,
    )


def articles_of(options: CrawlOptions) -> Iterator[Article]:
    """Articles of a crawl of texts, as the text step takes them."""
    for labelled in generate_crawl(options):
        made = labelled.article
        yield Article(article_id=made["id"], text=made["text"], source=made["source"])


def _fingerprints(options: CrawlOptions) -> Iterator[Fingerprint]:
    return (fingerprint(article, Rule()) for article in articles_of(options))


def _variants(options: CrawlOptions) -> Iterator[Fingerprint]:
    """Copies of the same articles at other ids, with one word in the middle of the longest line changed."""
    for article in articles_of(options):
        line = max(article.text.split("\n"), key=len)
        middle = len(line) // 2
        text = article.text.replace(line, f"{line[:middle]}x{line[middle + 1 :]}")
        yield fingerprint(replace(article, article_id=f"{article.article_id}-v", text=text), Rule())


def _watched(fingerprints: Iterable[Fingerprint], sizes: list[int]) -> Iterator[Fingerprint]:
    for one in fingerprints:
        sizes.append(one.signature.size if one.signature else 0)
        yield one


def _decide(index: RedisIndex, fingerprints: Iterable[Fingerprint], now_ms: int) -> list[Decision]:
    decisions: list[Decision] = []
    left = iter(fingerprints)
    while batch := list(islice(left, _BATCH)):
        decisions += index.decide(_NAMESPACE, batch, now_ms)
    return decisions


def _warm_up(index: RedisIndex, client: redis.Redis, options: CrawlOptions) -> None:
    """Leave in the server what no article costs: the scripts, the client's buffers, an empty namespace."""
    _decide(index, _fingerprints(options), _NOW_MS)
    client.execute_command("FLUSHALL", "SYNC")  # a lazy one would go on freeing while we measure
    index.prepare(_NAMESPACE)


def _used(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])


def _kinds(client: redis.Redis) -> dict[str, KeyKind]:
    """Count every key by its kind, and ask a sample of each for its bytes and encoding."""
    counted: Counter[str] = Counter()
    samples: dict[str, list[bytes]] = {}
    for key in client.scan_iter(count=10_000):
        kind = _kind(key)
        counted[kind] += 1
        if len(sample := samples.setdefault(kind, [])) < _SAMPLE:
            sample.append(key)  # SCAN's order is that of the keys' hashes: the first ones are a fair sample
    return {kind: _key_kind(client, counted[kind], samples[kind]) for kind in sorted(counted)}


def _kind(key: bytes) -> str:
    """{ns}:VERSION:KIND:... -> KIND; {ns}:KIND -> KIND."""
    parts = key.decode("utf-8", "replace").split("}:", 1)[1].split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def _key_kind(client: redis.Redis, count: int, sample: Sequence[bytes]) -> KeyKind:
    pipeline = client.pipeline(transaction=False)
    for key in sample:
        pipeline.memory_usage(key, samples=0)
        pipeline.object("encoding", key)
    answers: list[Any] = pipeline.execute()
    encodings = Counter(encoding.decode() for encoding in answers[1::2])
    return KeyKind(
        keys=count, used_bytes=round(sum(answers[::2]) / len(sample) * count), encodings=dict(encodings.most_common())
    )


def markdown(runs: Sequence[Measured]) -> str:
    """Write the runs as Markdown: one table of all, one of the kinds of keys for each."""
    first = runs[0]
    out = [
        f"Expected articles {first.expected_articles:,}; {first.kept_shingles:.0f} kept shingles an article; "
        f"{first.server}; budget {BUDGET_INDEXED:,} bytes an indexed article, {BUDGET_VARIANT} a variant.",
        "",
        "| share of expected | articles | indexed | bytes an indexed article | bytes an unindexed variant |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for run in runs:
        told = f"{run.bytes_variant:,.0f}" + (f" ({run.variants_indexed} indexed)" if run.variants_indexed else "")
        out.append(f"| {run.share:.0%} | {run.articles:,} | {run.indexed:,} | {run.bytes_indexed:,.0f} | {told} |")
    for run in runs:
        out += ["", *_kinds_table(run)]
    return "\n".join(out)


def _kinds_table(run: Measured) -> Iterator[str]:
    yield f"At {run.share:.0%}, by kind of key ({run.articles_a_second:,.0f} articles/s, text step included):"
    yield ""
    yield "| kind | keys | bytes a key | bytes an indexed article | encoding |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for name, kind in run.kinds.items():
        encodings = ", ".join(
            f"{encoding} {seen / sum(kind.encodings.values()):.0%}" for encoding, seen in kind.encodings.items()
        )
        yield (
            f"| `{name}` | {kind.keys:,} | {kind.used_bytes / kind.keys:,.0f} | "
            f"{kind.used_bytes / run.indexed:,.0f} | {encodings} |"
        )
    rest = run.bytes_indexed - sum(kind.used_bytes for kind in run.kinds.values()) / run.indexed
    yield f"| the server's tables of keys and expiries | | | {rest:,.0f} | |"


def main() -> int:
    """Measure, print, and fail where a run at the expected size is over the budget."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.memory", description="Memory of the index.")
    parser.add_argument("--expected", type=int, default=20_000, help="REPRISE_EXPECTED_ARTICLES")
    parser.add_argument("--share", type=float, action="append", help="of it, indexed; may be repeated (default 1)")
    parser.add_argument("--words", type=int, default=560, help="mean words of a story; a page's notices add about 40")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    runs = [measure(given.expected, share, given.words, given.seed) for share in given.share or [1.0]]
    sys.stdout.write((json.dumps([asdict(run) for run in runs], indent=2) if given.json else markdown(runs)) + "\n")
    over = [run for run in runs if run.share == 1 and not _within(run)]
    return 1 if over else 0


def _within(run: Measured) -> bool:
    return run.bytes_indexed <= BUDGET_INDEXED and run.bytes_variant <= BUDGET_VARIANT


if __name__ == "__main__":
    sys.exit(main())
