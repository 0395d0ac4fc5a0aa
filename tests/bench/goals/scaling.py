"""Compare two workers with one: same group, same two partitions, same Kafka and Redis."""

import time
from collections.abc import Callable

from tests.bench.goals.results import Scaling, SystemRun
from tests.bench.goals.run_resources import await_ready, open_run_resources, preload_uncommitted
from tests.bench.goals.servers import BenchmarkServers
from tests.bench.goals.stream import Stream, make_stream
from tests.bench.goals.systems import count_conflicts, is_ready, measure_delivery, run_workers, summarize_run


def measure(servers: BenchmarkServers, articles: int, rounds: int, report: Callable[[str], None]) -> Scaling:
    """Run one worker and two workers in turns. The time starts when the stream becomes visible to ready workers."""
    stream = make_stream(articles)
    runs: dict[int, list[SystemRun]] = {1: [], 2: []}
    conflicts: list[int] = []
    for number in range(rounds):
        for count in (1, 2) if number % 2 == 0 else (2, 1):
            run, conflict_count = _run(servers, stream, count)
            runs[count].append(run)
            conflicts += [conflict_count] if count == 2 else []
            report(f"round {number + 1}: {count} worker{'s' if count > 1 else ''}: {run.rate:,.0f} articles/s")
    return Scaling(stream=stream.facts, one=runs[1], two=runs[2], conflicts=conflicts)


def _run(servers: BenchmarkServers, stream: Stream, count: int) -> tuple[SystemRun, int]:
    """Return the run and its conflicts."""
    names = [f"worker-{number}" for number in range(count)]
    with open_run_resources(servers) as resources, run_workers(resources, names) as workers:
        await_ready(workers, is_ready)
        with preload_uncommitted(resources, stream.messages) as producer:
            start = time.time()
            producer.commit_transaction()
        measurement = measure_delivery(resources, len(stream.messages), workers)
        return summarize_run(resources, measurement, start), count_conflicts(workers)
