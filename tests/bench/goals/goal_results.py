"""Define the goals, and decide whether the results of a run meet them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from reprise.dedup.text.backend import TextBackend
from tests.bench.goals.results import BenchmarkedSystem, BenchmarkResults, IndexSize, SystemRun
from tests.bench.goals.summary import MedianRange, summarize_ratios, summarize_rounds

#: bounds of the goals
NAIVE_RATIO: Final = 10.0
TUNED_RATIO: Final = 20.0
LIMIT_RATIO: Final = 0.6
REDIS_CPU_MS: Final = 0.28
WORKER_CPU_MS: Final = {TextBackend.NATIVE.value: 0.30, TextBackend.NUMPY.value: 0.60}
INDEXED_BYTES: Final = 1_100
TENTH_BYTES: Final = 1_250
GROWTH_RATIO: Final = 1.2
WORKERS_RATIO: Final = 1.7
CONFLICT_SHARE: Final = 0.01
#: p50 and p99 in ms: at 100 articles/s, at half of the maximum rate, and there to a live reader
LATENCY_MS: Final = ((12.0, 40.0), (40.0, 100.0), (80.0, 250.0))
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
        *_cpu(results),
        *_memory(results),
        _growth(results),
        _scaling(results),
        _conflicts(results),
        *_latency(results),
        *_startup(results),
        _expiry(results),
    ]


def rates(results: BenchmarkResults, system: BenchmarkedSystem) -> list[float]:
    """Return the rate of a system in each round that it ran in."""
    return [runs[system].rate for runs in results.throughput.rounds if system in runs]


def rate_ratios(results: BenchmarkResults, system: BenchmarkedSystem) -> MedianRange:
    """Return the rate of Reprise divided by that of another system, in each round that both ran in."""
    rounds = [runs for runs in results.throughput.rounds if system in runs]
    return summarize_ratios(
        [runs[BenchmarkedSystem.REPRISE].rate for runs in rounds], [runs[system].rate for runs in rounds]
    )


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
    naive = max(
        (BenchmarkedSystem.NAIVE_HALF, BenchmarkedSystem.NAIVE_HIGH),
        key=lambda system: summarize_rounds(rates(results, system)).median,
    )
    for other, name, bound in (
        (naive, f"the faster naive pipeline ({naive})", NAIVE_RATIO),
        (BenchmarkedSystem.NAIVE_TUNED, "the naive pipeline tuned to comparable recall", TUNED_RATIO),
        (BenchmarkedSystem.LIMIT, "the limit", LIMIT_RATIO),
    ):
        ratio = rate_ratios(results, other)
        yield GoalResult(
            measure=f"throughput of Reprise / {name}",
            goal=f">= {bound:g}",
            measured=format_range(ratio, "{:.2f}"),
            is_met=ratio.median >= bound,
        )


def _cpu(results: BenchmarkResults) -> Iterator[GoalResult]:
    runs = [runs[BenchmarkedSystem.REPRISE] for runs in results.throughput.rounds]
    backend = results.machine.versions["text step"]
    for name, cores, bound in (
        ("Redis", [run.cores.store for run in runs], REDIS_CPU_MS),
        (f"worker ({backend} text step)", [run.cores.worker for run in runs], WORKER_CPU_MS[backend]),
    ):
        used_ms = summarize_rounds([1000 * busy / run.rate for busy, run in zip(cores, runs, strict=True)])
        yield GoalResult(
            measure=f"CPU time per article, {name}",
            goal=f"<= {bound:.2f} ms",
            measured=format_range(used_ms, "{:.2f}", " ms"),
            is_met=used_ms.median <= bound,
        )


def _memory(results: BenchmarkResults) -> Iterator[GoalResult]:
    full, tenth, *others = results.index_memory
    notes = [f"{other.bytes_indexed:,.0f} in an index that expects {other.expected_articles:,}" for other in others]
    for memory, size, bound, note in (
        (full, "an index that expects them", INDEXED_BYTES, ""),
        (tenth, "an index that expects ten times as many", TENTH_BYTES, "; ".join(notes)),
    ):
        yield GoalResult(
            measure=f"Redis memory per indexed article, {memory.articles:,} distinct articles in {size}",
            goal=f"<= {bound:,} bytes",
            measured=f"{memory.bytes_indexed:,.0f} bytes",
            is_met=memory.bytes_indexed <= bound,
            note=note,
        )


def _growth(results: BenchmarkResults) -> GoalResult:
    first, *larger = results.growth.sizes
    last = next((size for size in larger if size.articles >= GROWTH_ARTICLES), larger[-1])
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


def _conflicts(results: BenchmarkResults) -> GoalResult:
    scaling = results.scaling
    shares = summarize_rounds([count / scaling.stream.articles for count in scaling.conflicts])
    return GoalResult(
        measure="articles decided again because the other of two workers had changed the index",
        goal=f"<= {CONFLICT_SHARE:.0%}",
        measured=format_range(shares, "{:.2%}"),
        is_met=shares.median <= CONFLICT_SHARE,
    )


def _latency(results: BenchmarkResults) -> Iterator[GoalResult]:
    for latency, bounds in zip(results.latencies, LATENCY_MS, strict=True):
        values, end = (latency.reader, "a live reader") if latency.reader else (latency.event, "the event's timestamp")
        for name, value, bound in zip(("p50", "p99"), (values.p50_ms, values.p99_ms), bounds, strict=True):
            yield GoalResult(
                measure=f"latency from sent to {end}, at {latency.rate:,.0f} articles/s, {name}",
                goal=f"<= {bound:g} ms",
                measured=f"{value:.1f} ms",
                is_met=value <= bound,
                note=f"{latency.articles:,} articles; sender and reader use {latency.instrument_cores:.2f} cores"
                if name == "p50"
                else "",
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
