"""Run all measurements in order. Those that are sensitive to other load come first."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from deploy.local.stack import StackPlan
from reprise.settings.groups import IndexSettings
from tests.bench import memory
from tests.bench.goals import expiry, growth, latency, scaling, startup, throughput
from tests.bench.goals.machine import describe_machine
from tests.bench.goals.profile import BenchmarkProfile
from tests.bench.goals.results import BenchmarkedSystem, BenchmarkResults, IndexMemory, Throughput
from tests.bench.goals.servers import open_fresh_redis, open_servers
from tests.bench.goals.summary import summarize_rounds

#: mean words of a story, as in `make bench-memory`
_WORDS: Final = 560

#: articles per second of the measurement of latency at a low rate
_LOW_RATE: Final = 100.0


def measure_all(
    profile: BenchmarkProfile, plan: StackPlan, command: str, report: Callable[[str], None]
) -> BenchmarkResults:
    """Run all measurements. Raises StackUnavailable, BenchmarkFailed."""
    start, date = time.monotonic(), datetime.now(UTC)

    def report_timed(line: str) -> None:
        report(f"{time.monotonic() - start:5.0f} s  {line}")

    with open_servers(plan) as servers:
        machine = describe_machine(servers)
        kafka, redis = servers.kafka, servers.redis
        report_timed(f"{kafka.product} at {kafka.address}, {redis.product} at {redis.address}")
        report_timed("throughput of all systems")
        throughput_result = throughput.measure(
            servers, profile.articles, profile.rounds, profile.tuned_rounds, report_timed
        )
        report_timed("two workers compared with one")
        scaling_result = scaling.measure(servers, profile.scaling_articles, profile.rounds, report_timed)
        rate = half_of_maximum_rate(throughput_result)
        latencies = []
        for articles_per_second, has_reader in ((_LOW_RATE, False), (rate, False), (rate, True)):
            name = "with a live reader" if has_reader else "without a reader"
            report_timed(f"latency at {articles_per_second:,.0f} articles/s, {name}")
            measured = latency.measure(servers, articles_per_second, profile.latency_seconds, has_reader=has_reader)
            values = measured.reader or measured.event
            report_timed(f"p50 {values.p50_ms:.0f} ms, p99 {values.p99_ms:.0f} ms")
            latencies.append(measured)
        report_timed("startup of a worker")
        startup_result = startup.measure(servers, profile.starts, report_timed)
        report_timed("expiry after a window without traffic")
        expiry_result = expiry.measure(servers, profile.expiring_articles)
    report_timed("memory per article")
    index_memory = [
        _measure_index_memory(plan, expected, profile.memory_articles)
        for expected in (profile.memory_articles, 10 * profile.memory_articles, IndexSettings().expected_articles)
    ]
    report_timed("decision time by size of the index")
    growth_result = growth.measure(plan, profile.sizes, report_timed)
    return BenchmarkResults(
        profile=profile.name,
        command=command,
        date=date.isoformat(timespec="seconds"),
        seconds=time.monotonic() - start,
        machine=machine,
        throughput=throughput_result,
        scaling=scaling_result,
        latencies=latencies,
        startup=startup_result,
        index_memory=index_memory,
        growth=growth_result,
        expiry=expiry_result,
    )


def half_of_maximum_rate(throughput_result: Throughput) -> float:
    """Return half of the median rate of one worker, in articles per second."""
    return summarize_rounds([runs[BenchmarkedSystem.REPRISE].rate for runs in throughput_result.rounds]).median / 2


def _measure_index_memory(plan: StackPlan, expected: int, articles: int) -> IndexMemory:
    result = memory.measure(expected, articles / expected, _WORDS, seed=0, open_store=partial(open_fresh_redis, plan))
    return IndexMemory(
        expected_articles=expected,
        articles=result.articles,
        kept_shingles=result.kept_shingles,
        bytes_indexed=result.bytes_indexed,
        bytes_variant=result.bytes_variant,
        server=result.server,
    )
