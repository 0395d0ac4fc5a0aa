"""Measure the time from sending an article to reading its event, at a rate below the maximum."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from typing import Final

from kafka import KafkaConsumer, KafkaProducer

from tests.bench.goals.results import Latency
from tests.bench.goals.run_resources import (
    BROKER_SECONDS,
    PARTITIONS,
    BenchmarkFailed,
    RunResources,
    await_ready,
    open_run_resources,
)
from tests.bench.goals.servers import BenchmarkServers
from tests.bench.goals.stream import make_stream
from tests.bench.goals.summary import histogram, percentile
from tests.bench.goals.systems import is_ready, run_workers

#: seconds of sending before articles are counted, for the first batches of the worker
_WARM_UP_SECONDS: Final = 3.0

#: upper edges of the histogram in ms: eight for each doubling, from 2 ms to 4 s
_EDGES_MS: Final = [2 * 2 ** (step / 8) for step in range(89)]

#: timeout of a poll in ms; it does not add to the latency, because an event ends the poll
_POLL_MS: Final = 50


def measure(servers: BenchmarkServers, rate: float, seconds: float) -> Latency:
    """Send `rate` articles per second at even intervals for `seconds`, and read the events.

    The latency of an article is the time from handing it to the producer to the return of the poll with its event.
    Raises BenchmarkFailed if events are missing.
    """
    counted = round(rate * seconds)
    messages = make_stream(counted + round(rate * _WARM_UP_SECONDS), seed=1).messages
    with open_run_resources(servers) as resources, run_workers(resources, ["worker"]) as workers:
        await_ready(workers, is_ready)
        sent: list[float] = []
        sender = threading.Thread(target=_send, args=(resources, messages, rate, sent), daemon=True)
        consumer = KafkaConsumer(
            bootstrap_servers=servers.kafka.address, enable_auto_commit=False, isolation_level="read_committed"
        )
        with closing(consumer):
            consumer.assign(resources.partitions(*resources.event_topics))
            consumer.seek_to_beginning()
            consumer.poll(timeout_ms=_POLL_MS)  # connects before the first event
            sender.start()
            read = _read(consumer, len(messages), deadline=time.monotonic() + 3 * seconds + BROKER_SECONDS)
        sender.join(timeout=BROKER_SECONDS)
    return _summarize(rate, sent[-counted:], [read[_traceparent(at)] for at in range(len(messages))][-counted:])


def _traceparent(number: int) -> bytes:
    """Return a message's trace context, which its event repeats. The id is not unique, because of revisions."""
    return f"00-{number + 1:032x}-{1:016x}-01".encode()


def _send(resources: RunResources, messages: Sequence[tuple[bytes, bytes]], rate: float, sent: list[float]) -> None:
    """Send each message when it is due and append the time to `sent`. A late sender does not wait."""
    producer = KafkaProducer(bootstrap_servers=resources.servers.kafka.address, linger_ms=0, acks="all")
    with closing(producer):
        producer.partitions_for(resources.topics.articles)  # fetches the metadata before the first message
        start = time.monotonic()
        for number, (key, value) in enumerate(messages):
            if (wait := start + number / rate - time.monotonic()) > 0:
                time.sleep(wait)
            sent.append(time.monotonic())
            producer.send(
                resources.topics.articles,
                key=key,
                value=value,
                headers=[("traceparent", _traceparent(number))],
                partition=number % PARTITIONS,
            )
        producer.flush(timeout=BROKER_SECONDS)


def _read(consumer: KafkaConsumer, count: int, deadline: float) -> dict[bytes, float]:
    """Return the time at which each message's event was read, by trace context."""
    read: dict[bytes, float] = {}
    while len(read) < count:
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"timed out: {len(read)} of {count} events were read")
        batches = consumer.poll(timeout_ms=_POLL_MS)
        now = time.monotonic()
        for record in (record for records in batches.values() for record in records):
            read.setdefault(dict(record.headers)["traceparent"], now)
    return read


def _summarize(rate: float, sent: Sequence[float], read: Sequence[float]) -> Latency:
    latencies_ms = sorted(1000 * (after - before) for before, after in zip(sent, read, strict=True))
    return Latency(
        rate=rate,
        sent_rate=(len(sent) - 1) / (sent[-1] - sent[0]),
        articles=len(sent),
        p50_ms=percentile(latencies_ms, 0.5),
        p90_ms=percentile(latencies_ms, 0.9),
        p99_ms=percentile(latencies_ms, 0.99),
        max_ms=latencies_ms[-1],
        edges_ms=_EDGES_MS,
        counts=histogram(latencies_ms, _EDGES_MS),
    )
