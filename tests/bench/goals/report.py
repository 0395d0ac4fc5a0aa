"""The page of a run: Markdown, made from its results alone."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

from tests.bench.goals.results import Contender, Results, Run
from tests.bench.goals.summary import Spread, ratios, spread
from tests.bench.goals.verdicts import Verdict, cores, cpu_ms, rates, server_ratio, verdicts

#: Width of a paragraph.
_COLUMNS: Final = 100

_MET: Final = {True: "met", False: "**unmet**", None: "not measured"}


def page(runs: Sequence[Results], pictures: str) -> str:
    """Write the runs, one section each; `pictures` is the folder of their plots, as seen from the page."""
    out = [
        "# Benchmark results",
        "",
        "After this page you know which performance goals are met, and by how much. `make bench` and",
        "`make bench-full` write it; [Benchmark method](method.md) explains each measure. Figures are",
        "medians, with the lowest and the highest of the rounds. Ratios are taken within a round.",
    ]
    for run in runs:
        out += ["", *_section(run, pictures)]
    return "\n".join(out) + "\n"


def _section(run: Results, pictures: str) -> Iterator[str]:
    machine = run.machine
    yield f"## {run.form.capitalize()} form"
    yield ""
    yield from wrap(
        f"`{run.command}`, {run.date}, {run.seconds / 60:.0f} minutes; {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_bytes / 2**30:.0f} GiB, load before {machine.load_before:.1f}; {machine.system}; "
        f"{machine.kafka}, {machine.redis}; "
        f"{', '.join(f'{name} {version}' for name, version in machine.versions.items())}.",
        _COLUMNS,
        break_on_hyphens=False,
    )
    yield ""
    yield from _goals(verdicts(run))
    yield from _throughput(run, pictures)
    yield from _latency(run, pictures)
    yield from _growth(run, pictures)


def _goals(found: Sequence[Verdict]) -> Iterator[str]:
    yield "| measure | goal | measured | |"
    yield "| --- | --- | --- | --- |"
    for each in found:
        measured = f"{each.measured}; {each.note}" if each.note else each.measured
        yield f"| {each.measure} | {each.goal} | {measured} | {_MET[each.met]} |"


def _throughput(run: Results, pictures: str) -> Iterator[str]:
    facts = run.throughput.stream
    yield ""
    yield "### Throughput"
    yield ""
    yield from wrap(
        f"{facts.articles:,} articles, {facts.labelled:,} of them labelled real pages, the others generated; "
        f"{facts.variants_share:.0%} variants; {facts.words_median:,.0f} words in the median, "
        f"{facts.bytes_mean:,.0f} bytes in the mean. {len(run.throughput.rounds)} rounds.",
        _COLUMNS,
        break_on_hyphens=False,
    )
    yield ""
    yield "| | articles/s | speed-up by Reprise | cores busy | CPU ms an article | new stories |"
    yield "| --- | ---: | ---: | --- | --- | ---: |"
    ours = rates(run, Contender.REPRISE)
    for contender in Contender:
        runs = [found[contender] for found in run.throughput.rounds]
        times = _of(ratios(ours, rates(run, contender)), "{:.2f}") if contender is not Contender.REPRISE else ""
        yield f"| {contender} | {_row(runs)} | {times} | {cores(runs)} | {cpu_ms(runs)} | {_stories(runs)} |"
    yield ""
    yield f"![Articles a second by contender]({pictures}/{run.form}-throughput.svg)"
    yield ""
    yield "| workers | articles/s | cores busy | CPU ms an article |"
    yield "| --- | ---: | --- | --- |"
    for count, runs in ((1, run.scaling.one), (2, run.scaling.two)):
        yield f"| {count} | {_row(runs)} | {cores(runs)} | {cpu_ms(runs)} |"


def _row(runs: Sequence[Run]) -> str:
    return _of(spread([run.rate for run in runs]), "{:,.0f}")


def _stories(runs: Sequence[Run]) -> str:
    return " or ".join(f"{count:,}" for count in sorted({run.new_stories for run in runs}))


def _latency(run: Results, pictures: str) -> Iterator[str]:
    found = run.latency
    yield ""
    yield "### Latency"
    yield ""
    yield from wrap(
        f"{found.articles:,} articles at {found.sent_rate:,.0f} a second (target: {found.rate:,.0f}), half of "
        f"the maximum rate: p50 {found.p50_ms:.0f} ms, p90 {found.p90_ms:.0f} ms, p99 {found.p99_ms:.0f} ms, "
        f"at most {found.max_ms:.0f} ms.",
        _COLUMNS,
        break_on_hyphens=False,
    )
    yield ""
    yield f"![Latency from produced to readable]({pictures}/{run.form}-latency.svg)"


def _growth(run: Results, pictures: str) -> Iterator[str]:
    found = run.growth
    yield ""
    yield "### Against the size of the index"
    yield ""
    yield from wrap(
        f"Generated articles of {found.kept_shingles:.0f} shingles in an index that expects "
        f"{found.expected_articles:,}; decisions in batches of {found.batch}, half new, half reprints.",
        _COLUMNS,
        break_on_hyphens=False,
    )
    yield ""
    yield "| articles | server CPU µs a decision | / at the smallest | round trip µs a decision | bytes an article |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for size in found.sizes:
        server = spread([probe.server_us for probe in size.grown])
        trip = spread([probe.round_trip_us for probe in size.grown])
        yield (
            f"| {size.articles:,} | {_of(server, '{:.0f}')} | {_of(server_ratio(size), '{:.2f}')} "
            f"| {_of(trip, '{:.0f}')} | {size.used_bytes / size.articles:,.0f} |"
        )
    yield ""
    yield f"![Decision time and memory against the size of the index]({pictures}/{run.form}-growth.svg)"
    yield ""
    yield "| index that expects | articles | bytes an indexed article | bytes an unindexed variant | server |"
    yield "| ---: | ---: | ---: | ---: | --- |"
    for each in run.index_memory:
        yield (
            f"| {each.expected_articles:,} | {each.articles:,} | {each.bytes_indexed:,.0f} | {each.bytes_variant:,.0f} "
            f"| {each.server} |"
        )


def _of(found: Spread, form: str) -> str:
    return f"{form.format(found.median)} ({form.format(found.low)} to {form.format(found.high)})"
