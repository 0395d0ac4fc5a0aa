"""Measure the time from the start of a worker to its first event, and its memory when idle."""

import time
from collections.abc import Callable

import psutil

from tests.bench.goals.results import Startup
from tests.bench.goals.run_resources import await_delivered, await_ready, open_run_resources, preload
from tests.bench.goals.servers import BenchmarkServers
from tests.bench.goals.stream import make_stream
from tests.bench.goals.systems import is_ready, run_workers


def measure(servers: BenchmarkServers, starts: int, report: Callable[[str], None]) -> Startup:
    """Start workers one after the other in one group, each with one article in the topic.

    The time starts before the fork, so it includes the interpreter and the imports. The memory is the resident size,
    shared libraries included, once the worker is ready and its article is delivered.
    """
    messages = make_stream(starts, seed=2).messages
    seconds, resident_bytes = [], []
    with open_run_resources(servers) as resources:
        for number, message in enumerate(messages):
            preload(resources, [message])
            start = time.time()
            with run_workers(resources, [f"start-{number}"]) as workers:
                await_delivered(resources, number + 1, workers)
                await_ready(workers, is_ready)
                resident_bytes += [psutil.Process(worker.pid).memory_info().rss for worker in workers.values()]
            seconds.append(max(record.timestamp / 1000 for record in resources.read_events()) - start)
            report(f"start {number + 1}: {seconds[-1]:.2f} s to the first event, {resident_bytes[-1] / 2**20:.0f} MiB")
    return Startup(first_event_seconds=seconds, idle_bytes=resident_bytes)
