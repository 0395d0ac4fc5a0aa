"""Measure the articles per second of each system. All get the same stream, in rounds."""

from collections.abc import Callable

from tests.bench.goals.results import BenchmarkedSystem, SystemRun, Throughput
from tests.bench.goals.servers import BenchmarkServers
from tests.bench.goals.stream import make_stream
from tests.bench.goals.systems import run_system


def measure(
    servers: BenchmarkServers, articles: int, rounds: int, tuned_rounds: int, report: Callable[[str], None]
) -> Throughput:
    """Run all systems in each round. Rounds start with different systems, so that the order has no effect.

    tuned_rounds: rounds that include the naive pipeline tuned to the recall, which takes longer than all others
    """
    stream = make_stream(articles)
    order = list(BenchmarkedSystem)
    measured: list[dict[BenchmarkedSystem, SystemRun]] = []
    for number in range(rounds):
        runs = {}
        for system in order[number % len(order) :] + order[: number % len(order)]:
            if system is BenchmarkedSystem.NAIVE_TUNED and number >= tuned_rounds:
                continue
            runs[system] = run_system(system, servers, stream)
            report(f"round {number + 1}: {system}: {runs[system].rate:,.0f} articles/s")
        measured.append(runs)
    return Throughput(stream=stream.facts, rounds=measured)
