"""Measure the limit of a worker: the same text step, scripts and Redis, one step after the other, without Kafka.

`python -m tests.bench.goals.limit FILE` reads a worker's settings from the environment and messages from a JSON-lines
file. It decides them in batches of the worker's size, in one process like a worker, and prints a LimitRun as JSON.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import orjson
import redis

from reprise.bootstrap import article_processor, open_index
from reprise.index.redis.client import connect
from reprise.model import EventType, Message
from reprise.settings import load
from tests.bench.goals.results import LimitRun
from tests.bench.goals.servers import redis_cpu_seconds


def main() -> int:
    """Decide the messages of the file and print the result."""
    settings = load()
    processor, namespace = article_processor(settings), settings.index.namespace
    messages = _read_messages(Path(sys.argv[1]))
    batches: list[tuple[float, int]] = []
    cpu_seconds: list[tuple[float, float]] = []
    new_stories = 0
    with (
        closing(open_index(settings, connect(settings.redis))) as index,
        redis.Redis.from_url(settings.redis.url.get_secret_value()) as client,
    ):
        while batch := list(islice(messages, settings.limits.batch_max_articles)):
            articles = [processor.decode(message) for message in batch]
            decisions = index.decide(namespace, processor.fingerprint_batch(articles), int(time.time() * 1000))
            batches.append((time.monotonic(), len(decisions)))
            new_stories += sum(decision.type is EventType.NEW for decision in decisions)
            if len(batches) == 1:  # the first batch includes the start, so the measurement begins at its end
                cpu_seconds.append((time.process_time(), redis_cpu_seconds(client)))
        cpu_seconds.append((time.process_time(), redis_cpu_seconds(client)))
    (worker_before, store_before), (worker_after, store_after) = cpu_seconds
    run = LimitRun(
        seconds=batches[-1][0] - batches[0][0],
        articles=sum(count for _, count in batches[1:]),
        new_stories=new_stories,
        worker_seconds=worker_after - worker_before,
        store_seconds=store_after - store_before,
    )
    sys.stdout.buffer.write(orjson.dumps(run))
    return 0


def _read_messages(path: Path) -> Iterator[Message]:
    lines = path.read_bytes().splitlines()  # before the measurement, because a worker's messages are prefetched
    for offset, line in enumerate(lines):
        yield Message(topic="", partition=0, offset=offset, key=None, value=line)


if __name__ == "__main__":
    sys.exit(main())
