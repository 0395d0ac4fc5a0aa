"""Run the naive pipeline with its recall tuned to that of Reprise: 64 bands of two rows, each candidate verified.

It is tests/bench/naive.py with two changes that a user makes who finds too few reprints: more bands, so that texts with
a tenth in common become candidates, and a comparison of signatures, because most candidates then share nothing. The
signatures are in a Redis hash; those of an article's candidates are read in one call.

It takes the options of tests/bench/naive.py; --threshold is the least estimated Jaccard similarity of a match.
"""

import argparse
import json
import signal
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import redis
from datasketch import MinHash, MinHashLSH
from kafka import KafkaConsumer, KafkaProducer

from tests.bench.naive import BATCH, PERMUTATIONS, signature

BANDS, ROWS = 64, 2


class VerifiedIndex:
    """A MinHashLSH in Redis whose candidates are compared by their signatures."""

    def __init__(self, client: redis.Redis, name: str, storage: dict[str, Any], threshold: float) -> None:
        self._client = client
        self._signatures = f"{name}-signatures"
        self._threshold = threshold
        self._lsh = MinHashLSH(num_perm=PERMUTATIONS, params=(BANDS, ROWS), storage_config=storage)

    def decide(self, articles: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return an event for each article: a variant of the best match, or a new story. Insert the batch last."""
        events, signatures = [], {}
        with self._lsh.insertion_session() as session:
            for article in articles:
                minhash = signature(article["text"])
                match = self._best_match(minhash)
                kind = {"type": "story.variant", "of": match} if match else {"type": "story.new"}
                events.append({"article": article["id"], **kind})
                session.insert(article["id"], minhash, check_duplication=False)
                signatures[article["id"]] = minhash.hashvalues.tobytes()
        self._client.hset(self._signatures, mapping=signatures)
        return events

    def _best_match(self, minhash: MinHash) -> str | None:
        candidates = self._lsh.query(minhash)
        stored = self._client.hmget(self._signatures, candidates) if candidates else []
        best, best_share = None, self._threshold
        for candidate, packed in zip(candidates, stored, strict=True):
            if isinstance(packed, bytes):
                values = np.frombuffer(packed, dtype=minhash.hashvalues.dtype)
                share = np.count_nonzero(values == minhash.hashvalues) / PERMUTATIONS
                if share >= best_share:
                    best, best_share = candidate, share
        return best


def main() -> None:
    """Poll, decide, produce, flush and commit until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bootstrap-servers", "redis-url", "articles", "events", "group-id"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--threshold", type=float, required=True)
    options = parser.parse_args()
    stopped: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    address = urlsplit(options.redis_url)
    storage = {
        "type": "redis",
        "basename": options.group_id.encode(),
        "redis": {"host": address.hostname, "port": address.port},
    }
    index = VerifiedIndex(
        redis.Redis.from_url(options.redis_url), options.group_id, storage, threshold=options.threshold
    )
    consumer = KafkaConsumer(
        options.articles,
        bootstrap_servers=options.bootstrap_servers,
        group_id=options.group_id,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_poll_records=BATCH,
    )
    producer = KafkaProducer(
        bootstrap_servers=options.bootstrap_servers, acks="all", linger_ms=5, compression_type="lz4"
    )
    while not stopped:
        fetched = consumer.poll(timeout_ms=200)
        articles = [json.loads(record.value) for records in fetched.values() for record in records]
        if articles:
            for event in index.decide(articles):
                producer.send(options.events, key=event["article"].encode(), value=json.dumps(event).encode())
            producer.flush()
            consumer.commit()
    consumer.close()
    producer.close()


if __name__ == "__main__":
    main()
