"""Define the goals, and decide whether the results of a run meet them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.bench.goals.results import BenchmarkedSystem, BenchmarkResults, IndexSize, SystemRun
from tests.bench.goals.summary import MedianRange, summarize_ratios, summarize_rounds

#: bounds of the goals
NAIVE_RATIO: Final = 10.0
LIMIT_RATIO: Final = 0.6
INDEXED_BYTES: Final = 1_536
GROWTH_RATIO: Final = 1.3
WORKERS_RATIO: Final = 1.7
P50_MS, P99_MS = 50.0, 250.0
START_SECONDS: Final = 3.0
IDLE_BYTES: Final = 150 * 2**20

#: size of the index to which the goal for growth refers
GROWTH_ARTICLES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalResult:
    """A goal and the measured value. `is_met` is None if the run is too small to decide."""

    measure: str
    goal: str
    measured: str
    is_met: bool | None
    note: str = ""


def evaluate_goals(results: BenchmarkResults) -> list[GoalResult]:
    """Return the result of each goal. The median of the rounds decides."""
    return [
        *_throughput(results),
        _memory(results),
        _growth(results),
        _scaling(results),
        *_latency(results),
        *_startup(results),
        _expiry(results),
    ]


def rates(results: BenchmarkResults, system: BenchmarkedSystem) -> list[float]:
    """Return the rate of a system in each round."""
    return [runs[system].rate for runs in results.throughput.rounds]


def format_cores(runs: list[SystemRun]) -> str:
    """Return the median cores that worker, store and broker kept busy, as text."""
    return ", ".join(f"{name} {value:.2f}" for name, value in _medians(runs, lambda run: 1.0))


def format_cpu_ms(runs: list[SystemRun]) -> str:
    """Return the median CPU milliseconds per article of worker, store and broker, as text."""
    return ", ".join(f"{name} {value:.2f}" for name, value in _medians(runs, lambda run: 1000 / run.rate))


def _medians(runs: list[SystemRun], scale: Callable[[SystemRun], float]) -> Iterator[tuple[str, float]]:
    for name in ("worker", "store", "broker"):
        values = [cores * scale(run) for run in runs if (cores := getattr(run.cores, name)) is not None]
        if values:
            yield name, summarize_rounds(values).median


def server_ratio(size: IndexSize) -> MedianRange:
    """Return the server's CPU time per decision, relative to the small index, probe by probe."""
    return summarize_ratios([probe.server_us for probe in size.grown], [probe.server_us for probe in size.small])


def _throughput(results: BenchmarkResults) -> Iterator[GoalResult]:
    own = rates(results, BenchmarkedSystem.REPRISE)
    naive = max(
        (BenchmarkedSystem.NAIVE_HALF, BenchmarkedSystem.NAIVE_HIGH),
        key=lambda system: summarize_rounds(rates(results, system)).median,
    )
    for other, name, bound in (
        (naive, f"the faster naive pipeline ({naive})", NAIVE_RATIO),
        (BenchmarkedSystem.LIMIT, "the limit", LIMIT_RATIO),
    ):
        ratio = summarize_ratios(own, rates(results, other))
        yield GoalResult(
            measure=f"throughput of Reprise / {name}",
            goal=f">= {bound:g}",
            measured=format_range(ratio, "{:.2f}"),
            is_met=ratio.median >= bound,
        )


def _memory(results: BenchmarkResults) -> GoalResult:
    first, *others = results.index_memory
    return GoalResult(
        measure=f"Redis memory per indexed article, {first.articles:,} distinct articles in an index that expects them",
        goal=f"<= {INDEXED_BYTES:,} bytes",
        measured=f"{first.bytes_indexed:,.0f} bytes",
        is_met=first.bytes_indexed <= INDEXED_BYTES,
        note="; ".join(
            f"{other.bytes_indexed:,.0f} in an index that expects {other.expected_articles:,}" for other in others
        ),
    )


def _growth(results: BenchmarkResults) -> GoalResult:
    first, last = results.growth.sizes[0], results.growth.sizes[-1]
    ratio = server_ratio(last)
    is_large = last.articles >= GROWTH_ARTICLES
    return GoalResult(
        measure=f"server CPU per decision at {last.articles:,} indexed articles / at {first.articles:,}",
        goal=f"<= {GROWTH_RATIO:g} at {GROWTH_ARTICLES:,}",
        measured=format_range(ratio, "{:.2f}"),
        is_met=ratio.median <= GROWTH_RATIO if is_large else None,
        note="" if is_large else f"make bench-full measures {GROWTH_ARTICLES:,}",
    )


def _scaling(results: BenchmarkResults) -> GoalResult:
    scaling = results.scaling
    ratio = summarize_ratios([run.rate for run in scaling.two], [run.rate for run in scaling.one])
    return GoalResult(
        measure="throughput of two workers / one, with shared store and broker",
        goal=f">= {WORKERS_RATIO:g} if there are enough cores",
        measured=format_range(ratio, "{:.2f}"),
        is_met=ratio.median >= WORKERS_RATIO,
        note=f"{results.machine.cores} cores; busy cores with one worker: {format_cores(scaling.one)}; "
        f"with two: {format_cores(scaling.two)}",
    )


def _latency(results: BenchmarkResults) -> Iterator[GoalResult]:
    latency = results.latency
    for name, value, bound in (("p50", latency.p50_ms, P50_MS), ("p99", latency.p99_ms, P99_MS)):
        yield GoalResult(
            measure=f"latency from sent to event readable, at half of the maximum rate, {name}",
            goal=f"<= {bound:g} ms",
            measured=f"{value:.0f} ms",
            is_met=value <= bound,
            note=f"at {latency.sent_rate:,.0f} articles/s, {latency.articles:,} articles" if name == "p50" else "",
        )


def _startup(results: BenchmarkResults) -> Iterator[GoalResult]:
    seconds = summarize_rounds(results.startup.first_event_seconds)
    yield GoalResult(
        measure="start of a worker to its first event",
        goal=f"<= {START_SECONDS:g} s",
        measured=format_range(seconds, "{:.2f}", " s"),
        is_met=seconds.median <= START_SECONDS,
    )
    resident_mib = summarize_rounds([size / 2**20 for size in results.startup.idle_bytes])
    yield GoalResult(
        measure="resident memory of an idle worker",
        goal=f"<= {IDLE_BYTES // 2**20} MiB",
        measured=format_range(resident_mib, "{:.0f}", " MiB"),
        is_met=resident_mib.median <= IDLE_BYTES / 2**20,
    )


def _expiry(results: BenchmarkResults) -> GoalResult:
    expiry = results.expiry
    growth = expiry.left_bytes / expiry.before_bytes - 1
    end = "not reached in time" if expiry.back_seconds is None else f"{expiry.back_seconds:.0f} s after the last event"
    return GoalResult(
        measure=f"Redis memory after a window of {expiry.window_seconds:g} s without traffic",
        goal=f"within {expiry.near_share:.0%} of the initial memory",
        measured=f"{growth:+.1%}",
        is_met=growth <= expiry.near_share,
        note=f"{expiry.articles:,} articles had increased it from {expiry.before_bytes / 2**20:.1f} MiB to "
        f"{expiry.full_bytes / 2**20:.1f} MiB; initial memory {end}",
    )


def format_range(values: MedianRange, number_format: str, unit: str = "") -> str:
    """Return the median with the lowest and the highest value as text."""
    low, high = number_format.format(values.low), number_format.format(values.high)
    return f"{number_format.format(values.median)}{unit} ({low} to {high})"
