"""The contenders: how each is started, and what one run of it came to."""

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
from tests.bench.goals.results import Contender, Cores, Passage, Run
from tests.bench.goals.run_resources import BenchmarkFailed, Place, await_delivered, await_workers, open_place, preload
from tests.bench.goals.servers import CpuTimes, Servers, cores_between, cpu_times
from tests.bench.goals.stream import Stream
from tests.bench.goals.summary import steady_rate
from tests.support import WorkerProcess, running_worker, worker_environment

_TOP: Final = Path(__file__).parents[3]

#: The naive pipelines and their thresholds.
_THRESHOLDS: Final = {Contender.NAIVE_HALF: 0.5, Contender.NAIVE_HIGH: 0.8}

#: Seconds for a contender's first event: imports, a group joined, a batch worked through.
_FIRST_SECONDS: Final = 120.0

#: Seconds for the limit's whole process.
_LIMIT_SECONDS: Final = 600.0

#: Seconds for one answer of a worker's HTTP port, which comes from memory.
_HTTP_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A stream that was delivered while CPU clocks were looked at: at the first events, and when all were there."""

    first: CpuTimes
    last: CpuTimes
    resident_bytes: int

    @property
    def cores(self) -> Cores:
        """How many cores each kept busy in between."""
        return cores_between(self.first, self.last)


def run(contender: Contender, servers: Servers, stream: Stream) -> Run:
    """Let a contender work through the stream, in a place of its own. Raises BenchmarkFailed."""
    with open_place(servers) as place:
        if contender is Contender.LIMIT:
            return _run_limit(place, stream)
        preload(place, stream.messages)
        log = servers.plan.logs / f"{place.namespace}-{contender.name.lower()}.log"
        with _started(contender, place, log) as worker:
            watched = watch(place, len(stream.messages), {contender: worker})
        return run_of(place, watched)


def watch(place: Place, count: int, workers: Mapping[str, WorkerProcess]) -> Watched:
    """Look on until there are `count` events. Raises BenchmarkFailed."""
    processes = [psutil.Process(worker.pid) for worker in workers.values()]
    await_workers(lambda: place.delivered() > 0, _FIRST_SECONDS, "a first event", workers)
    first = cpu_times(place.servers, processes)
    await_delivered(place, count, workers)
    last = cpu_times(place.servers, processes)
    return Watched(first=first, last=last, resident_bytes=max(each.memory_info().rss for each in processes))


def run_of(place: Place, watched: Watched, began: float | None = None) -> Run:
    """Time a run by its events: from the end of the first batch, or from `began`, seconds since the epoch."""
    records = list(place.read_events())
    times = sorted(record.timestamp / 1000 for record in records)
    return Run(
        rate=steady_rate(times) if began is None else len(times) / (times[-1] - began),
        cores=watched.cores,
        new_stories=sum(json.loads(record.value)["type"] == "story.new" for record in records),
        resident_bytes=watched.resident_bytes,
    )


@contextmanager
def workers(place: Place, names: Sequence[str], **more: str) -> Iterator[dict[str, WorkerProcess]]:
    """Run so many `reprise run` in one group, with the default settings but `more`."""
    with ExitStack() as running:
        yield {
            name: running.enter_context(
                running_worker(place.settings(**more), place.servers.plan.logs / f"{place.namespace}-{name}.log")
            )
            for name in names
        }


def is_ready(worker: WorkerProcess) -> bool:
    """Whether a worker says that it is."""
    try:
        with urllib.request.urlopen(f"{worker.http}/readyz", timeout=_HTTP_SECONDS) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@contextmanager
def _started(contender: Contender, place: Place, log: Path) -> Iterator[WorkerProcess]:
    if contender is Contender.REPRISE:
        with running_worker(place.settings(), log) as worker:
            yield worker
        return
    with run_child(_naive(place, _THRESHOLDS[contender]), log) as process:
        yield WorkerProcess(process=process, log=log, http="")


def _naive(place: Place, threshold: float) -> list[str]:
    options = {
        "bootstrap-servers": place.servers.kafka.address,
        "redis-url": place.servers.redis.address,
        "threshold": str(threshold),
        "articles": place.topics.articles,
        "events": place.topics.new,
        "group-id": place.topics.group_id,
    }
    return [sys.executable, "-m", "tests.bench.naive", *(f"--{name}={value}" for name, value in options.items())]


def _run_limit(place: Place, stream: Stream) -> Run:
    with tempfile.TemporaryDirectory(prefix="reprise-bench-") as name:
        file = Path(name) / "articles.jsonl"
        file.write_bytes(b"\n".join(value for _, value in stream.messages))
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.goals.limit", str(file)],
            env=worker_environment(place.settings()),
            cwd=_TOP,
            capture_output=True,
            timeout=_LIMIT_SECONDS,
            check=False,
        )
    if done.returncode:
        raise BenchmarkFailed(f"the limit ended with exit code {done.returncode}\n{done.stderr.decode()}")
    passage: Passage = TypeAdapter(Passage).validate_json(done.stdout)
    return Run(
        rate=passage.articles / passage.seconds,
        cores=Cores(
            worker=passage.worker_seconds / passage.seconds, store=passage.store_seconds / passage.seconds, broker=None
        ),
        new_stories=passage.new_stories,
        resident_bytes=None,
    )
