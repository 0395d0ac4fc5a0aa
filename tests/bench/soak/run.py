"""Run a soak test: a worker on a Kafka and a Redis of its own, `reprise generate`, and a monitor."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from subprocess import Popen, TimeoutExpired
from typing import Final

import redis

from deploy.local.stack import StackPlan, run_child, tail, wait_until
from reprise.index.redis.codec import margin_ms
from tests.bench.goals.machine import describe_machine
from tests.bench.goals.run_resources import (
    BenchmarkFailed,
    RunResources,
    await_delivered,
    await_ready,
    open_run_resources,
)
from tests.bench.goals.servers import open_fresh_redis, open_servers
from tests.bench.goals.systems import is_ready, run_workers
from tests.bench.soak.profile import SoakProfile
from tests.bench.soak.results import SoakResults, SoakSeries
from tests.e2e.worker_state import scrape
from tests.redis_footprint import Footprint, measure_footprint, warm_up
from tests.support import WorkerProcess, reprise_command, worker_environment

#: seconds between two samples; a sample reads every key, which takes 0.2 s of a core
_SAMPLE_SECONDS: Final = 2.0

#: samples between two progress lines
_SAMPLES_PER_LINE: Final = 15

#: factor by which a generator on a busy machine may exceed its duration
_MAX_DELAY_FACTOR: Final = 2.0

#: additional seconds for the expiry of the last keys
_EXPIRY_MARGIN_SECONDS: Final = 30.0

_SoakSamples = list[tuple[Footprint, float | None]]


def run_soak(profile: SoakProfile, plan: StackPlan, command: str, report: Callable[[str], None]) -> SoakResults:
    """Run the load and wait for the expiry of all keys. Raises StackUnavailable, BenchmarkFailed."""
    date = datetime.now(UTC)
    settings = {
        "WINDOW_SECONDS": str(profile.window_seconds),
        "REPLAY_SECONDS": str(profile.window_seconds),
        "EXPECTED_ARTICLES": str(profile.expected_articles),
    }
    with (
        open_servers(plan) as servers,
        open_fresh_redis(plan) as url,
        redis.Redis.from_url(url) as client,
        open_run_resources(servers) as resources,
    ):
        machine = describe_machine(servers)
        warm_up(url)
        with run_workers(resources, ["worker"], REDIS_URL=url, **settings) as workers:
            await_ready(workers, is_ready)
            monitor = _SoakMonitor(client=client, resources=resources, worker=workers["worker"], report=report)
            empty = measure_footprint(client, resources.namespace)
            with _generate_load(resources, profile) as generator:
                await_delivered(resources, 1, workers)  # the windows start with the first article, not the process
                start = time.monotonic()
                taken = monitor.sample_load(generator, _MAX_DELAY_FACTOR * profile.load_seconds)
            gone_seconds, taken_after = monitor.sample_expiry(profile)
            left = measure_footprint(client, resources.namespace)
            sent = resources.count_events()
    taken += taken_after
    return SoakResults(
        command=command,
        date=date.isoformat(timespec="seconds"),
        machine=machine,
        profile=profile,
        sent=sent,
        empty_bytes=empty.used_bytes,
        left_bytes=left.used_bytes,
        gone_seconds=gone_seconds,
        series=SoakSeries(
            seconds=[round(footprint.at - start, 1) for footprint, _ in taken],
            used_bytes=[footprint.used_bytes - empty.used_bytes for footprint, _ in taken],
            keys=[footprint.keys for footprint, _ in taken],
            entries=[sum(footprint.entries.values()) for footprint, _ in taken],
            index_articles=[articles for _, articles in taken],
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _SoakMonitor:
    """Samples Redis and the worker's metrics."""

    client: redis.Redis
    resources: RunResources
    worker: WorkerProcess
    report: Callable[[str], None]

    def sample(self) -> tuple[Footprint, float | None]:
        """Return the footprint in Redis and the worker's reprise_index_articles. Raises BenchmarkFailed."""
        if self.worker.process.poll() is not None:
            raise BenchmarkFailed(
                f"the worker ended with exit code {self.worker.process.returncode}\n{self.worker.tail()}"
            )
        metrics = scrape(self.worker).samples
        articles = next((value for name, _, value in metrics if name == "reprise_index_articles"), None)
        return measure_footprint(self.client, self.resources.namespace), articles

    def sample_load(self, generator: "Popen[bytes]", timeout_seconds: float) -> _SoakSamples:
        """Sample at intervals until the generator ends."""
        taken = [self.sample()]
        deadline = time.monotonic() + timeout_seconds
        while generator.poll() is None:
            if time.monotonic() > deadline:
                raise BenchmarkFailed(f"the generator took more than {timeout_seconds:g} s")
            with suppress(TimeoutExpired):
                generator.wait(_SAMPLE_SECONDS)
            taken.append(self.sample())
            if len(taken) % _SAMPLES_PER_LINE == 0:
                footprint, articles = taken[-1]
                self.report(
                    f"{footprint.at - taken[0][0].at:5.0f} s  {footprint.used_bytes:,} bytes, {footprint.keys:,} keys, "
                    f"{articles or 0:,.0f} articles"
                )
        if generator.returncode:
            raise BenchmarkFailed(f"the generator ended with exit code {generator.returncode}")
        return taken

    def sample_expiry(self, profile: SoakProfile) -> tuple[float | None, _SoakSamples]:
        """Sample at intervals until Redis has no keys.

        Return the seconds until then, None if the wait times out, and the samples.
        """
        start, taken = time.monotonic(), [self.sample()]
        lifetime_ms = profile.retention.record_ms + profile.retention.replay_ms + margin_ms(profile.retention)
        deadline = start + lifetime_ms / 1000 + _EXPIRY_MARGIN_SECONDS
        while taken[-1][0].keys and time.monotonic() < deadline:
            with suppress(TimeoutError):
                wait_until(lambda: not self.client.dbsize(), _SAMPLE_SECONDS, "an empty Redis")
            taken.append(self.sample())
        return None if taken[-1][0].keys else taken[-1][0].at - start, taken


@contextmanager
def _generate_load(resources: RunResources, profile: SoakProfile) -> Iterator["Popen[bytes]"]:
    options = {
        "topic": resources.topics.articles,
        "rate": profile.rate,
        "duration": profile.load_seconds,
        "words": profile.words,
    }
    command = [*reprise_command(), "generate", *(f"--{name}={value}" for name, value in options.items())]
    log = resources.servers.plan.logs / f"{resources.namespace}-generate.log"
    with run_child(command, log, environment=worker_environment(resources.settings())) as process:
        yield process
        if process.returncode:
            raise BenchmarkFailed(tail(log))
