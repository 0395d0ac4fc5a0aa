"""The limit of a worker: the same text step, signatures and scripts on the same Redis, one after the other, no Kafka.

`python -m tests.bench.goals.limit FILE`, with a worker's settings in the environment: it reads the messages of a
JSON-lines file, then decides them in batches of the worker's own size, in a process of its own as a worker is one, and
prints a Passage as JSON.
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
from tests.bench.goals.results import Passage
from tests.bench.goals.servers import store_seconds


def main() -> int:
    """Read, decide, print."""
    settings = load()
    processor, namespace = article_processor(settings), settings.index.namespace
    messages = _messages(Path(sys.argv[1]))
    ends: list[tuple[float, int]] = []
    used: list[tuple[float, float]] = []
    new = 0
    with (
        closing(open_index(settings, connect(settings.redis))) as index,
        redis.Redis.from_url(settings.redis.url.get_secret_value()) as store,
    ):
        while batch := list(islice(messages, settings.limits.batch_max_articles)):
            articles = [processor.decode(message) for message in batch]
            decisions = index.decide(namespace, processor.fingerprint_batch(articles), int(time.time() * 1000))
            ends.append((time.monotonic(), len(decisions)))
            new += sum(decision.type is EventType.NEW for decision in decisions)
            if len(ends) == 1:  # what comes before is a start, not a pace
                used.append((time.process_time(), store_seconds(store)))
        used.append((time.process_time(), store_seconds(store)))
    (worker, kept), (worker_after, kept_after) = used
    passage = Passage(
        seconds=ends[-1][0] - ends[0][0],
        articles=sum(count for _, count in ends[1:]),
        new_stories=new,
        worker_seconds=worker_after - worker,
        store_seconds=kept_after - kept,
    )
    sys.stdout.buffer.write(orjson.dumps(passage))
    return 0


def _messages(path: Path) -> Iterator[Message]:
    lines = path.read_bytes().splitlines()  # before the clock runs: a worker finds its messages fetched
    for offset, line in enumerate(lines):
        yield Message(topic="", partition=0, offset=offset, key=None, value=line)


if __name__ == "__main__":
    sys.exit(main())
