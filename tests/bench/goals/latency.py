"""Measure the time from sending an article to its event, at a rate below the maximum.

The sender is a process of its own. Two times are taken: the broker's timestamp of the event (LogAppendTime), which no
instrument delays, and, with a live reader, the time at which the reader has the event. All run on one machine, so the
clocks are one. The CPU time of sender and reader is reported, because they compete with the worker for the cores.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from kafka import KafkaConsumer
from pydantic import TypeAdapter

from tests.bench.goals.latency_sender import traceparent
from tests.bench.goals.results import Latency, LatencyValues, SenderRun
from tests.bench.goals.run_resources import (
    BROKER_SECONDS,
    BenchmarkFailed,
    RunResources,
    await_delivered,
    await_ready,
    open_run_resources,
)
from tests.bench.goals.servers import BenchmarkServers, busy_cores, read_cpu_times
from tests.bench.goals.summary import histogram, percentile
from tests.bench.goals.systems import is_ready, run_workers

_TOP: Final = Path(__file__).parents[3]

#: seconds of sending before articles are counted, for the first batches of the worker
_WARM_UP_SECONDS: Final = 3.0

#: upper edges of the histogram in ms: eight for each doubling, from 2 ms to 4 s
_EDGES_MS: Final = [2 * 2 ** (step / 8) for step in range(89)]

#: timeout of a poll in ms; it does not add to the latency, because an event ends the poll
_POLL_MS: Final = 50

#: seed of the stream: another one than that of the throughput
_SEED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Events:
    """The broker's timestamps and the times at which events were read (seconds since the epoch) by trace context."""

    stamped: Mapping[bytes, float]
    read: Mapping[bytes, float]


def measure(servers: BenchmarkServers, rate: float, seconds: float, *, has_reader: bool) -> Latency:
    """Send `rate` articles per second at even intervals for `seconds`, to one ready worker.

    has_reader: whether a reader polls the events meanwhile; otherwise they are read afterwards. Raises BenchmarkFailed
    if events are missing.
    """
    counted = round(rate * seconds)
    count = counted + round(rate * _WARM_UP_SECONDS)
    with open_run_resources(servers) as resources, run_workers(resources, ["worker"]) as workers:
        with _open_sender(resources, count, rate) as sender:
            await_ready(workers, is_ready)
            processes = [psutil.Process(worker.pid) for worker in workers.values()]
            before, reader_before = read_cpu_times(servers, processes), time.process_time()
            sender.start()
            events = _read_live(resources, count, 3 * seconds) if has_reader else None
            run = sender.result()
            if events is None:
                await_delivered(resources, count, workers)
            cores = busy_cores(before, read_cpu_times(servers, processes))
            reader_seconds = time.process_time() - reader_before if has_reader else 0.0
        events = events or _read_afterwards(resources)
    numbers = range(count - counted, count)
    sent = [run.sent[number] for number in numbers]
    duration = run.sent[-1] - run.sent[0]
    return Latency(
        rate=rate,
        sent_rate=(len(sent) - 1) / (sent[-1] - sent[0]),
        articles=len(sent),
        event=_summarize(sent, [events.stamped[traceparent(number)] for number in numbers]),
        reader=_summarize(sent, [events.read[traceparent(number)] for number in numbers]) if has_reader else None,
        cores=cores,
        instrument_cores=(run.cpu_seconds + reader_seconds) / duration,
    )


class _Sender:
    """A running sender process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._read_line()

    def start(self) -> None:
        """Start sending."""
        assert self._process.stdin is not None  # a pipe
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    def result(self) -> SenderRun:
        """Wait until everything is sent. Raises BenchmarkFailed."""
        run: SenderRun = TypeAdapter(SenderRun).validate_json(self._read_line())
        return run

    def _read_line(self) -> bytes:
        assert self._process.stdout is not None  # a pipe
        line = self._process.stdout.readline()
        if not line:
            raise BenchmarkFailed(f"the sender ended with exit code {self._process.wait()}")
        return line


@contextmanager
def _open_sender(resources: RunResources, count: int, rate: float) -> Iterator[_Sender]:
    """Start the sender's process and wait until it is connected."""
    options = {
        "bootstrap-servers": resources.servers.kafka.address,
        "topic": resources.topics.articles,
        "count": count,
        "rate": rate,
        "seed": _SEED,
    }
    command = [sys.executable, "-m", "tests.bench.goals.latency_sender"]
    command += [f"--{name}={value}" for name, value in options.items()]
    with subprocess.Popen(command, cwd=_TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield _Sender(process)
        finally:
            process.kill()  # no effect on a process that has ended


def _read_live(resources: RunResources, count: int, seconds: float) -> _Events:
    """Read the events as they come. Raises BenchmarkFailed if one is missing."""
    stamped: dict[bytes, float] = {}
    read: dict[bytes, float] = {}
    deadline = time.monotonic() + seconds + BROKER_SECONDS
    consumer = KafkaConsumer(
        bootstrap_servers=resources.servers.kafka.address, enable_auto_commit=False, isolation_level="read_committed"
    )
    with closing(consumer):
        consumer.assign(resources.partitions(*resources.event_topics))
        consumer.seek_to_beginning()
        while len(read) < count:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"timed out: {len(read)} of {count} events were read")
            batches = consumer.poll(timeout_ms=_POLL_MS)
            now = time.time()
            for record in (record for records in batches.values() for record in records):
                context = dict(record.headers)["traceparent"]
                read.setdefault(context, now)
                stamped.setdefault(context, record.timestamp / 1000)
    return _Events(stamped=stamped, read=read)


def _read_afterwards(resources: RunResources) -> _Events:
    stamped: dict[bytes, float] = {}
    for record in resources.read_events():
        stamped.setdefault(dict(record.headers)["traceparent"], record.timestamp / 1000)
    return _Events(stamped=stamped, read={})


def _summarize(sent: Sequence[float], arrived: Sequence[float]) -> LatencyValues:
    """Summarize latencies. The broker's timestamps are whole ms, rounded down: values are 0.5 ms low on average."""
    latencies_ms = sorted(1000 * (after - before) for before, after in zip(sent, arrived, strict=True))
    return LatencyValues(
        p50_ms=percentile(latencies_ms, 0.5),
        p90_ms=percentile(latencies_ms, 0.9),
        p99_ms=percentile(latencies_ms, 0.99),
        max_ms=latencies_ms[-1],
        edges_ms=_EDGES_MS,
        counts=histogram(latencies_ms, _EDGES_MS),
    )
