"""Run one of the compared systems on a stream, and measure the run."""

import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from pydantic import TypeAdapter

from deploy.local.stack import run_child
from tests.bench.goals.results import BenchmarkedSystem, Cores, LimitRun, SystemRun
from tests.bench.goals.run_resources import (
    BenchmarkFailed,
    RunResources,
    await_delivered,
    await_workers,
    open_run_resources,
    preload,
)
from tests.bench.goals.servers import BenchmarkServers, CpuTimes, busy_cores, read_cpu_times
from tests.bench.goals.stream import Stream
from tests.bench.goals.summary import steady_rate
from tests.support import WorkerProcess, running_worker, worker_environment

_TOP: Final = Path(__file__).parents[3]

#: the naive pipelines and their thresholds
_THRESHOLDS: Final = {
    BenchmarkedSystem.NAIVE_HALF: 0.5,
    BenchmarkedSystem.NAIVE_HIGH: 0.8,
    BenchmarkedSystem.NAIVE_TUNED: 0.1,
}

#: seconds for the first event of a system: imports, joining the group, the first batch
_FIRST_EVENT_SECONDS: Final = 120.0

#: seconds for the process of the limit
_LIMIT_SECONDS: Final = 600.0

#: seconds for a response of a worker's HTTP port, which only reads memory
_HTTP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMeasurement:
    """CPU times at the first events of a stream and after its last event, and the worker's resident memory."""

    first: CpuTimes
    last: CpuTimes
    resident_bytes: int

    @property
    def cores(self) -> Cores:
        """The cores that each process kept busy between the first events and the last."""
        return busy_cores(self.first, self.last)


def run_system(system: BenchmarkedSystem, servers: BenchmarkServers, stream: Stream) -> SystemRun:
    """Run a system on the stream, with topics and a namespace of its own. Raises BenchmarkFailed."""
    with open_run_resources(servers) as resources:
        if system is BenchmarkedSystem.LIMIT:
            return _run_limit(resources, stream)
        preload(resources, stream.messages)
        log = servers.plan.logs / f"{resources.namespace}-{system.name.lower()}.log"
        with _start(system, resources, log) as worker:
            measurement = measure_delivery(resources, len(stream.messages), {system: worker})
        return summarize_run(resources, measurement)


def measure_delivery(resources: RunResources, count: int, workers: Mapping[str, WorkerProcess]) -> DeliveryMeasurement:
    """Wait until there are `count` events. Raises BenchmarkFailed."""
    processes = [psutil.Process(worker.pid) for worker in workers.values()]
    await_workers(lambda: resources.count_events() > 0, _FIRST_EVENT_SECONDS, "a first event", workers)
    first = read_cpu_times(resources.servers, processes)
    await_delivered(resources, count, workers)
    last = read_cpu_times(resources.servers, processes)
    resident_bytes = max(process.memory_info().rss for process in processes)
    return DeliveryMeasurement(first=first, last=last, resident_bytes=resident_bytes)


def summarize_run(resources: RunResources, measurement: DeliveryMeasurement, start: float | None = None) -> SystemRun:
    """Return the result of a run. The rate counts from `start` (seconds since the epoch) or the end of the first batch.

    The timestamps are those of the events, which the broker sets.
    """
    records = list(resources.read_events())
    times = sorted(record.timestamp / 1000 for record in records)
    return SystemRun(
        rate=steady_rate(times) if start is None else len(times) / (times[-1] - start),
        cores=measurement.cores,
        new_stories=sum(json.loads(record.value)["type"] == "story.new" for record in records),
        resident_bytes=measurement.resident_bytes,
    )


@contextmanager
def run_workers(resources: RunResources, names: Sequence[str], **settings: str) -> Iterator[dict[str, WorkerProcess]]:
    """Run a `reprise run` for each name, in one group, with the default settings and `settings`."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                running_worker(
                    resources.settings(**settings),
                    resources.servers.plan.logs / f"{resources.namespace}-{name}.log",
                )
            )
            for name in names
        }


def count_conflicts(workers: Mapping[str, WorkerProcess]) -> int:
    """Return how often the workers decided an article again because another worker had changed the index."""
    conflicts = 0.0
    for worker in workers.values():
        with urllib.request.urlopen(f"{worker.http}/metrics", timeout=_HTTP_SECONDS) as response:
            for line in response.read().decode().splitlines():
                name, _, value = line.partition(" ")
                conflicts += float(value) if name == "reprise_conflicts_total" else 0.0
    return round(conflicts)


def is_ready(worker: WorkerProcess) -> bool:
    """Return whether a worker reports that it is ready."""
    try:
        with urllib.request.urlopen(f"{worker.http}/readyz", timeout=_HTTP_SECONDS) as response:
            return bool(response.status == 200)
    except OSError:
        return False


@contextmanager
def _start(system: BenchmarkedSystem, resources: RunResources, log: Path) -> Iterator[WorkerProcess]:
    if system is BenchmarkedSystem.REPRISE:
        with running_worker(resources.settings(), log) as worker:
            yield worker
        return
    with run_child(_naive_command(resources, system), log) as process:
        yield WorkerProcess(process=process, log=log, http="")


def _naive_command(resources: RunResources, system: BenchmarkedSystem) -> list[str]:
    options = {
        "bootstrap-servers": resources.servers.kafka.address,
        "redis-url": resources.servers.redis.address,
        "threshold": str(_THRESHOLDS[system]),
        "articles": resources.topics.articles,
        "events": resources.topics.new,
        "group-id": resources.topics.group_id,
    }
    module = "tests.bench.naive_tuned" if system is BenchmarkedSystem.NAIVE_TUNED else "tests.bench.naive"
    return [sys.executable, "-m", module, *(f"--{name}={value}" for name, value in options.items())]


def _run_limit(resources: RunResources, stream: Stream) -> SystemRun:
    with tempfile.TemporaryDirectory(prefix="reprise-bench-") as directory:
        file = Path(directory) / "articles.jsonl"
        file.write_bytes(b"\n".join(value for _, value in stream.messages))
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.goals.limit", str(file)],
            env=worker_environment(resources.settings()),
            cwd=_TOP,
            capture_output=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    if done.returncode:
        raise BenchmarkFailed(f"the limit ended with exit code {done.returncode}\n{done.stderr.decode()}")
    run: LimitRun = TypeAdapter(LimitRun).validate_json(done.stdout)
    return SystemRun(
        rate=run.articles / run.seconds,
        cores=Cores(worker=run.worker_seconds / run.seconds, store=run.store_seconds / run.seconds, broker=None),
        new_stories=run.new_stories,
        resident_bytes=None,
    )
