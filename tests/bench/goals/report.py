"""Render the page of the benchmark as Markdown, from its results."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from tests.bench.goals.goal_results import (
    GoalResult,
    evaluate_goals,
    format_cores,
    format_cpu_ms,
    format_range,
    rate_ratios,
    server_ratio,
)
from tests.bench.goals.results import BenchmarkedSystem, BenchmarkResults, SystemRun
from tests.bench.goals.summary import summarize_rounds

#: columns of a line of Markdown
_COLUMNS: Final = 100

_IS_MET: Final = {True: "met", False: "**unmet**", None: "not measured"}


def render_page(runs: Sequence[BenchmarkResults], figures: str) -> str:
    """Return the page, with a section for each run. `figures` is the directory of the plots, relative to the page."""
    out = [
        "# Benchmark results",
        "",
        "After this page you know which performance goals are met, and by how much. `make bench` and",
        "`make bench-full` write it; [Benchmark method](method.md) explains each measurement. A value is the",
        "median of the rounds, with the lowest and the highest. Ratios are computed for each round.",
    ]
    for run in runs:
        out += ["", *_section(run, figures)]
    return "\n".join(out) + "\n"


def _section(run: BenchmarkResults, figures: str) -> Iterator[str]:
    machine = run.machine
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    yield f"## Profile {run.profile}"
    yield ""
    yield from _wrap(
        f"`{run.command}`, {run.date}, {run.seconds / 60:.0f} minutes; {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_bytes / 2**30:.0f} GiB, load before {machine.load_before:.1f}; {machine.system}; "
        f"{machine.kafka}, {machine.redis}; {versions}."
    )
    yield ""
    yield from _goals(evaluate_goals(run))
    yield from _throughput(run, figures)
    yield from _latency(run, figures)
    yield from _growth(run, figures)


def _goals(results: Sequence[GoalResult]) -> Iterator[str]:
    yield "| measure | goal | measured | |"
    yield "| --- | --- | --- | --- |"
    for result in results:
        measured = f"{result.measured}; {result.note}" if result.note else result.measured
        yield f"| {result.measure} | {result.goal} | {measured} | {_IS_MET[result.is_met]} |"


def _throughput(run: BenchmarkResults, figures: str) -> Iterator[str]:
    stream = run.throughput.stream
    yield ""
    yield "### Throughput"
    yield ""
    yield from _wrap(
        f"{stream.articles:,} articles: {stream.labelled:,} labelled real pages, the others generated; "
        f"{stream.variants_share:.0%} variants; median {stream.words_median:,.0f} words, "
        f"mean {stream.bytes_mean:,.0f} bytes. {len(run.throughput.rounds)} rounds."
    )
    yield ""
    yield "| system | articles/s | Reprise / this system | busy cores | CPU ms per article | new stories |"
    yield "| --- | ---: | ---: | --- | --- | ---: |"
    for system in BenchmarkedSystem:
        runs = [results[system] for results in run.throughput.rounds if system in results]
        is_own = system is BenchmarkedSystem.REPRISE
        ratio = "" if is_own else format_range(rate_ratios(run, system), "{:.2f}")
        columns = (_format_rates(runs), ratio, format_cores(runs), format_cpu_ms(runs), _format_stories(runs))
        yield f"| {system} | {' | '.join(columns)} |"
    yield ""
    yield f"![Articles per second by system]({figures}/{run.profile}-throughput.svg)"
    yield ""
    yield "| workers | articles/s | busy cores | CPU ms per article |"
    yield "| --- | ---: | --- | --- |"
    for count, runs in ((1, run.scaling.one), (2, run.scaling.two)):
        yield f"| {count} | {_format_rates(runs)} | {format_cores(runs)} | {format_cpu_ms(runs)} |"


def _wrap(paragraph: str) -> list[str]:
    return wrap(paragraph, _COLUMNS, break_on_hyphens=False)


def _format_rates(runs: Sequence[SystemRun]) -> str:
    return format_range(summarize_rounds([run.rate for run in runs]), "{:,.0f}")


def _format_stories(runs: Sequence[SystemRun]) -> str:
    return " or ".join(f"{count:,}" for count in sorted({run.new_stories for run in runs}))


def _latency(run: BenchmarkResults, figures: str) -> Iterator[str]:
    yield ""
    yield "### Latency"
    yield ""
    yield from _wrap(
        "From handing an article to the producer to the broker's timestamp of its event and, with a live reader, to "
        "the return of the reader's poll. The second rate is half of the maximum. Instrument: sender and reader."
    )
    yield ""
    yield "| articles/s | to | p50 ms | p90 ms | p99 ms | maximum ms | busy cores |"
    yield "| ---: | --- | ---: | ---: | ---: | ---: | --- |"
    for latency in run.latencies:
        cores = latency.cores
        busy = f"worker {cores.worker:.2f}, store {cores.store:.2f}"
        busy += f", broker {cores.broker:.2f}" if cores.broker is not None else ""
        busy += f", instrument {latency.instrument_cores:.2f}"
        for values, end in ((latency.event, "event"), (latency.reader, "reader")):
            if values:
                yield (
                    f"| {latency.sent_rate:,.0f} | {end} | {values.p50_ms:.1f} | {values.p90_ms:.1f} "
                    f"| {values.p99_ms:.1f} | {values.max_ms:.0f} | {busy} |"
                )
    yield ""
    yield f"![Latency from sent to the event]({figures}/{run.profile}-latency.svg)"


def _growth(run: BenchmarkResults, figures: str) -> Iterator[str]:
    growth = run.growth
    yield ""
    yield "### Size of the index"
    yield ""
    yield from _wrap(
        f"Generated articles with {growth.kept_shingles:.0f} shingles, in an index that expects "
        f"{growth.expected_articles:,}; decisions in batches of {growth.batch}, half new, half reprints."
    )
    yield ""
    yield "| articles | server CPU µs per decision | / at first size | round trip µs per decision | bytes per article |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for size in growth.sizes:
        server = summarize_rounds([probe.server_us for probe in size.grown])
        round_trip = summarize_rounds([probe.round_trip_us for probe in size.grown])
        yield (
            f"| {size.articles:,} | {format_range(server, '{:.0f}')} | {format_range(server_ratio(size), '{:.2f}')} "
            f"| {format_range(round_trip, '{:.0f}')} | {size.used_bytes / size.articles:,.0f} |"
        )
    yield ""
    yield f"![Decision time and memory by size of the index]({figures}/{run.profile}-growth.svg)"
    yield ""
    yield "| index that expects | articles | bytes per indexed article | bytes per unindexed variant | server |"
    yield "| ---: | ---: | ---: | ---: | --- |"
    for memory in run.index_memory:
        yield (
            f"| {memory.expected_articles:,} | {memory.articles:,} | {memory.bytes_indexed:,.0f} "
            f"| {memory.bytes_variant:,.0f} | {memory.server} |"
        )
