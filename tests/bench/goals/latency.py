"""From sending an article to reading its event, at a rate that the worker can take."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from kafka import KafkaConsumer, KafkaProducer

from tests.bench.goals.contenders import is_ready, workers
from tests.bench.goals.results import Latency
from tests.bench.goals.run_resources import BROKER_SECONDS, PARTITIONS, BenchmarkFailed, Place, await_ready, open_place
from tests.bench.goals.servers import Servers
from tests.bench.goals.stream import make_stream
from tests.bench.goals.summary import histogram, percentile

#: Seconds of sending before articles are counted: until then the worker has met its first batches.
_WARM_UP_SECONDS: Final = 3.0

#: Upper edges of the histogram, ms: an eighth of a doubling each, from 2 ms to 4 s.
_EDGES_MS: Final = [2 * 2 ** (step / 8) for step in range(89)]

#: Milliseconds that one look for events waits: not a part of the latency, for an event ends the wait.
_LOOK_MS: Final = 50


def measure(servers: Servers, rate: float, seconds: float) -> Latency:
    """Send `rate` articles a second, evenly, for so many seconds, and read the events as they come.

    An article is sent when it is handed to the producer, and its event is read when the consumer's poll returns.
    Raises BenchmarkFailed where events are missing.
    """
    counted = round(rate * seconds)
    messages = make_stream(counted + round(rate * _WARM_UP_SECONDS), seed=1).messages
    with open_place(servers) as place, workers(place, ["worker"]) as running:
        await_ready(running, is_ready)
        sent: list[float] = []
        sender = threading.Thread(target=_send, args=(place, messages, rate, sent), daemon=True)
        consumer = KafkaConsumer(
            bootstrap_servers=servers.kafka.address, enable_auto_commit=False, isolation_level="read_committed"
        )
        with closing(consumer):
            consumer.assign(place.partitions(*place.events))
            consumer.seek_to_beginning()
            consumer.poll(timeout_ms=_LOOK_MS)  # connected before there is anything to read
            sender.start()
            read = _read(consumer, len(messages), deadline=time.monotonic() + 3 * seconds + BROKER_SECONDS)
        sender.join(timeout=BROKER_SECONDS)
    return _latency(rate, sent[-counted:], [read[_trace(at)] for at in range(len(messages))][-counted:])


def _trace(number: int) -> bytes:
    """A message's own trace context, which its event hands on: an id may come again, as a revision."""
    return f"00-{number + 1:032x}-{1:016x}-01".encode()


def _send(place: Place, messages: Sequence[tuple[bytes, bytes]], rate: float, sent: list[float]) -> None:
    """Send each message when it is due; note when it was. A sender that is late catches up."""
    producer = KafkaProducer(bootstrap_servers=place.servers.kafka.address, linger_ms=0, acks="all")
    with closing(producer):
        producer.partitions_for(place.topics.articles)  # the first message waits for no metadata
        start = time.monotonic()
        for number, (key, value) in enumerate(messages):
            if (wait := start + number / rate - time.monotonic()) > 0:
                time.sleep(wait)
            sent.append(time.monotonic())
            producer.send(
                place.topics.articles,
                key=key,
                value=value,
                headers=[("traceparent", _trace(number))],
                partition=number % PARTITIONS,
            )
        producer.flush(timeout=BROKER_SECONDS)


def _read(consumer: KafkaConsumer, count: int, deadline: float) -> dict[bytes, float]:
    """When each message's event was read, by its trace context."""
    read: dict[bytes, float] = {}
    while len(read) < count:
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"{len(read)} of {count} events came in time")
        found = consumer.poll(timeout_ms=_LOOK_MS)
        now = time.monotonic()
        for record in (record for records in found.values() for record in records):
            read.setdefault(dict(record.headers)["traceparent"], now)
    return read


def _latency(rate: float, sent: Sequence[float], read: Sequence[float]) -> Latency:
    milliseconds = sorted(1000 * (after - before) for before, after in zip(sent, read, strict=True))
    return Latency(
        rate=rate,
        sent_rate=(len(sent) - 1) / (sent[-1] - sent[0]),
        articles=len(sent),
        p50_ms=percentile(milliseconds, 0.5),
        p90_ms=percentile(milliseconds, 0.9),
        p99_ms=percentile(milliseconds, 0.99),
        max_ms=milliseconds[-1],
        edges_ms=_EDGES_MS,
        counts=histogram(milliseconds, _EDGES_MS),
    )
