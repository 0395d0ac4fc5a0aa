"""All measures of a run, in order: what others load the machine with must not come before what is timed closest."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final

from deploy.local.stack import StackPlan
from reprise.settings.groups import IndexSettings
from tests.bench import memory
from tests.bench.goals import forgetting, growth, latency, machine, scaling, starting, throughput
from tests.bench.goals.profile import Form
from tests.bench.goals.results import Contender, IndexMemory, Results, Throughput
from tests.bench.goals.servers import fresh_store, open_servers
from tests.bench.goals.summary import spread

#: Mean words of a story, as `make bench-memory` has them.
_WORDS: Final = 560


def measure(form: Form, plan: StackPlan, command: str, say: Callable[[str], None]) -> Results:
    """Measure everything. Raises StackUnavailable, BenchmarkFailed."""
    began, date = time.monotonic(), datetime.now(UTC)

    def tell(line: str) -> None:
        say(f"{time.monotonic() - began:5.0f} s  {line}")

    with open_servers(plan) as servers:
        found = machine.look(servers)
        tell(f"{servers.kafka.product} at {servers.kafka.address}, {servers.redis.product} at {servers.redis.address}")
        tell("throughput")
        rounds = throughput.measure(servers, form.articles, form.rounds, tell)
        tell("two workers beside one")
        scaled = scaling.measure(servers, form.scaling_articles, form.rounds, tell)
        rate = half_of_the_maximum(rounds)
        tell(f"latency at {rate:,.0f} articles/s")
        late = latency.measure(servers, rate, form.latency_seconds)
        tell(f"p50 {late.p50_ms:.0f} ms, p99 {late.p99_ms:.0f} ms")
        started = starting.measure(servers, form.starts, tell)
        tell("a window without traffic")
        forgotten = forgetting.measure(servers, form.forgotten_articles)
    tell("memory an article")
    memories = [
        _index_memory(plan, form.memory_articles, form.memory_articles),
        _index_memory(plan, IndexSettings().expected_articles, form.memory_articles),
    ]
    tell("decisions against the size of the index")
    grown = growth.measure(plan, form.sizes, tell)
    return Results(
        form=form.name,
        command=command,
        date=date.isoformat(timespec="seconds"),
        seconds=time.monotonic() - began,
        machine=found,
        throughput=rounds,
        scaling=scaled,
        latency=late,
        starting=started,
        index_memory=memories,
        growth=grown,
        forgetting=forgotten,
    )


def half_of_the_maximum(measured: Throughput) -> float:
    """Half of the median rate of one worker, articles a second."""
    return spread([each[Contender.REPRISE].rate for each in measured.rounds]).median / 2


def _index_memory(plan: StackPlan, expected: int, articles: int) -> IndexMemory:
    found = memory.measure(expected, articles / expected, _WORDS, seed=0, open_store=partial(fresh_store, plan))
    return IndexMemory(
        expected_articles=expected,
        articles=found.articles,
        kept_shingles=found.kept_shingles,
        bytes_indexed=found.bytes_indexed,
        bytes_variant=found.bytes_variant,
        server=found.server,
    )
