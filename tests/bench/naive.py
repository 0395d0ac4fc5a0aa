"""Run the naive pipeline that Reprise is compared with: kafka-python for input and output, datasketch on Redis.

This is a fair baseline: datasketch's MinHashLSH with its Redis storage and insertion session, 128 permutations over
3-word shingles, and whole batches that are polled, produced, flushed and committed. Its logic has not changed since
Reprise was optimised, and must not change: otherwise ratios of different versions are not comparable.

`python -m tests.bench.naive --bootstrap-servers HOST:PORT --redis-url redis://HOST:PORT --threshold 0.5
--articles TOPIC --events TOPIC --group-id GROUP` runs until SIGTERM.
"""

import argparse
import json
import re
import signal
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from datasketch import MinHash, MinHashLSH
from kafka import KafkaConsumer, KafkaProducer

PERMUTATIONS = 128
SHINGLE_WORDS = 3
BATCH = 500

WORDS = re.compile(r"\w+")


def signature(text: str) -> MinHash:
    """Return the MinHash of a text's word shingles."""
    words = WORDS.findall(text.lower())
    shingles = {" ".join(words[at : at + SHINGLE_WORDS]) for at in range(len(words) - SHINGLE_WORDS + 1)}
    minhash = MinHash(num_perm=PERMUTATIONS)
    if shingles:
        minhash.update_batch([shingle.encode() for shingle in shingles])
    return minhash


def decide(lsh: MinHashLSH, articles: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return an event for each article: a variant of the first match, or a new story. Insert the batch at its end."""
    events = []
    with lsh.insertion_session() as session:
        for article in articles:
            minhash = signature(article["text"])
            matches = lsh.query(minhash)
            kind = {"type": "story.variant", "of": matches[0]} if matches else {"type": "story.new"}
            events.append({"article": article["id"], **kind})
            session.insert(article["id"], minhash, check_duplication=False)
    return events


def main() -> None:
    """Poll, decide, produce, flush and commit until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bootstrap-servers", "redis-url", "articles", "events", "group-id"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--threshold", type=float, required=True)
    options = parser.parse_args()
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    redis = urlsplit(options.redis_url)
    storage = {
        "type": "redis",
        "basename": options.group_id.encode(),
        "redis": {"host": redis.hostname, "port": redis.port},
    }
    lsh = MinHashLSH(threshold=options.threshold, num_perm=PERMUTATIONS, storage_config=storage)
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
            for event in decide(lsh, articles):
                producer.send(options.events, key=event["article"].encode(), value=json.dumps(event).encode())
            producer.flush()
            consumer.commit()
    consumer.close()
    producer.close()


if __name__ == "__main__":
    main()
