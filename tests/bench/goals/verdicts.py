"""The goals, and whether a run met them: pure functions of its results."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from tests.bench.goals.results import Contender, Results, Run, Size
from tests.bench.goals.summary import Spread, ratios, spread

#: What each goal asks for.
NAIVE_RATIO: Final = 10.0
LIMIT_RATIO: Final = 0.6
INDEXED_BYTES: Final = 1_536
GROWTH_RATIO: Final = 1.3
WORKERS_RATIO: Final = 1.7
P50_MS, P99_MS = 50.0, 250.0
START_SECONDS: Final = 3.0
IDLE_BYTES: Final = 150 * 2**20

#: The size of the index that the goal of growth is about.
GROWN_ARTICLES: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A goal beside what was measured; `met` is None where the run is too small to tell, `note` says what to know."""

    measure: str
    goal: str
    measured: str
    met: bool | None
    note: str = ""


def verdicts(results: Results) -> list[Verdict]:
    """Judge every goal by the medians."""
    return [
        *_throughput(results),
        _memory(results),
        _growth(results),
        _scaling(results),
        *_latency(results),
        *_starting(results),
        _forgetting(results),
    ]


def rates(results: Results, contender: Contender) -> list[float]:
    """A contender's rates, round by round."""
    return [found[contender].rate for found in results.throughput.rounds]


def cores(runs: list[Run]) -> str:
    """The median cores that worker, store and broker kept busy, in words."""
    return ", ".join(f"{name} {busy:.2f}" for name, busy in _parts(runs, lambda run: 1.0))


def cpu_ms(runs: list[Run]) -> str:
    """The median CPU milliseconds an article of worker, store and broker, in words."""
    return ", ".join(f"{name} {spent:.2f}" for name, spent in _parts(runs, lambda run: 1000 / run.rate))


def _parts(runs: list[Run], scale: Callable[[Run], float]) -> Iterator[tuple[str, float]]:
    for name in ("worker", "store", "broker"):
        found = [busy * scale(run) for run in runs if (busy := getattr(run.cores, name)) is not None]
        if found:
            yield name, spread(found).median


def server_ratio(size: Size) -> Spread:
    """The server's CPU time of a decision, against the index that stays small, probe by probe."""
    return ratios([each.server_us for each in size.grown], [each.server_us for each in size.small])


def _throughput(results: Results) -> Iterator[Verdict]:
    ours = rates(results, Contender.REPRISE)
    naive = max((Contender.NAIVE_HALF, Contender.NAIVE_HIGH), key=lambda each: spread(rates(results, each)).median)
    for other, goal in ((naive, NAIVE_RATIO), (Contender.LIMIT, LIMIT_RATIO)):
        found = ratios(ours, rates(results, other))
        whom = f"the faster naive pipeline ({other})" if other is naive else "the limit"
        yield Verdict(
            measure=f"Reprise end to end / {whom}",
            goal=f">= {goal:g}",
            measured=_of(found, "{:.2f}"),
            met=found.median >= goal,
        )


def _memory(results: Results) -> Verdict:
    whole, *others = results.index_memory
    return Verdict(
        measure=f"Redis memory an indexed article, {whole.articles:,} distinct articles, an index that expects as many",
        goal=f"<= {INDEXED_BYTES:,} bytes",
        measured=f"{whole.bytes_indexed:,.0f} bytes",
        met=whole.bytes_indexed <= INDEXED_BYTES,
        note="; ".join(
            f"{each.bytes_indexed:,.0f} in an index that expects {each.expected_articles:,}" for each in others
        ),
    )


def _growth(results: Results) -> Verdict:
    last = results.growth.sizes[-1]
    first = results.growth.sizes[0]
    found = server_ratio(last)
    return Verdict(
        measure=f"time of a decision at {last.articles:,} indexed articles / at {first.articles:,}, the server's CPU",
        goal=f"<= {GROWTH_RATIO:g} at {GROWN_ARTICLES:,}",
        measured=_of(found, "{:.2f}"),
        met=found.median <= GROWTH_RATIO if last.articles >= GROWN_ARTICLES else None,
        note="" if last.articles >= GROWN_ARTICLES else "make bench-full goes to the million",
    )


def _scaling(results: Results) -> Verdict:
    found = ratios([run.rate for run in results.scaling.two], [run.rate for run in results.scaling.one])
    return Verdict(
        measure="two workers / one, store and broker shared",
        goal=f">= {WORKERS_RATIO:g} where cores allow",
        measured=_of(found, "{:.2f}"),
        met=found.median >= WORKERS_RATIO,
        note=f"{results.machine.cores} cores in all; busy with one worker: {cores(results.scaling.one)}; "
        f"with two: {cores(results.scaling.two)}",
    )


def _latency(results: Results) -> Iterator[Verdict]:
    found = results.latency
    for name, value, goal in (("p50", found.p50_ms, P50_MS), ("p99", found.p99_ms, P99_MS)):
        yield Verdict(
            measure=f"from produced to event readable at half of the maximum rate, {name}",
            goal=f"<= {goal:g} ms",
            measured=f"{value:.0f} ms",
            met=value <= goal,
            note=f"at {found.sent_rate:,.0f} articles/s, {found.articles:,} articles" if name == "p50" else "",
        )


def _starting(results: Results) -> Iterator[Verdict]:
    seconds = spread(results.starting.first_event_seconds)
    yield Verdict(
        measure="start of a worker to its first event",
        goal=f"<= {START_SECONDS:g} s",
        measured=_of(seconds, "{:.2f}", " s"),
        met=seconds.median <= START_SECONDS,
    )
    resident = spread([each / 2**20 for each in results.starting.idle_bytes])
    yield Verdict(
        measure="memory of an idle worker, resident",
        goal=f"<= {IDLE_BYTES // 2**20} MiB",
        measured=_of(resident, "{:.0f}", " MiB"),
        met=resident.median <= IDLE_BYTES / 2**20,
    )


def _forgetting(results: Results) -> Verdict:
    found = results.forgetting
    more = found.left_bytes / found.before_bytes - 1
    when = "never in time" if found.back_seconds is None else f"{found.back_seconds:.0f} s after the last event"
    return Verdict(
        measure=f"Redis after a window of {found.window_seconds:g} s without traffic",
        goal=f"within {found.near_share:.0%} of where it began",
        measured=f"{more:+.1%}",
        met=more <= found.near_share,
        note=f"{found.articles:,} articles had made {found.before_bytes / 2**20:.1f} MiB "
        f"{found.full_bytes / 2**20:.1f}; back {when}",
    )


def _of(found: Spread, form: str, unit: str = "") -> str:
    """Write a median with its spread."""
    low, high = form.format(found.low), form.format(found.high)
    return f"{form.format(found.median)}{unit} ({low} to {high})"
