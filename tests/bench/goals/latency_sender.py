"""Send articles at even intervals, in a process of its own: a thread would delay the reader beside it, and be delayed.

`python -m tests.bench.goals.latency_sender --bootstrap-servers HOST:PORT --topic TOPIC --count N --rate N --seed N`
prints a line when it is connected, waits for a line of input, sends, and prints a SenderRun as JSON.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import closing

import orjson
from kafka import KafkaProducer

from tests.bench.goals.results import SenderRun
from tests.bench.goals.run_resources import BROKER_SECONDS, PARTITIONS
from tests.bench.goals.stream import make_stream


def main() -> int:
    """Send the articles and print when each was handed to the producer."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("bootstrap-servers", str), ("topic", str), ("count", int), ("rate", float), ("seed", int)):
        parser.add_argument(f"--{name}", required=True, type=kind)
    options = parser.parse_args()
    messages = make_stream(options.count, seed=options.seed).messages
    producer = KafkaProducer(bootstrap_servers=options.bootstrap_servers, linger_ms=0, acks="all")
    with closing(producer):
        producer.partitions_for(options.topic)  # fetches the metadata before the first message
        sys.stdout.write("connected\n")
        sys.stdout.flush()
        sys.stdin.readline()
        cpu_before = time.process_time()
        sent = _send(producer, options.topic, messages, options.rate)
        producer.flush(timeout=BROKER_SECONDS)
        run = SenderRun(sent=sent, cpu_seconds=time.process_time() - cpu_before)
    sys.stdout.buffer.write(orjson.dumps(run) + b"\n")
    return 0


def traceparent(number: int) -> bytes:
    """Return a message's trace context, which its event repeats. The id is not unique, because of revisions."""
    return f"00-{number + 1:032x}-{1:016x}-01".encode()


def _send(producer: KafkaProducer, topic: str, messages: Sequence[tuple[bytes, bytes]], rate: float) -> list[float]:
    """Send each message when it is due, and return the times (seconds since the epoch). A late sender does not wait."""
    sent = []
    start = time.time()
    for number, (key, value) in enumerate(messages):
        if (wait := start + number / rate - time.time()) > 0:
            time.sleep(wait)
        sent.append(time.time())
        headers = [("traceparent", traceparent(number))]
        producer.send(topic, key=key, value=value, headers=headers, partition=number % PARTITIONS)
    return sent


if __name__ == "__main__":
    sys.exit(main())
