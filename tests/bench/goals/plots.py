"""Draw the plots of a run as SVG. The same results give the same bytes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.goals.goal_results import GROWTH_RATIO, INDEXED_BYTES, rates
from tests.bench.goals.results import BenchmarkedSystem, BenchmarkResults
from tests.bench.goals.summary import MedianRange, summarize_rounds

#: text as text, so that browsers can search it, and a fixed salt for the ids of SVG elements
STYLE: Final = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reprise",
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}

#: size of a plot in inches; an SVG has 72 points per inch
WIDTH, _HEIGHT = 8.0, 3.2

#: colours that remain distinguishable with colour blindness (Okabe and Ito): for Reprise, other systems and goals
OWN_COLOUR, OTHER_COLOUR, GOAL_COLOUR = "#0072b2", "#999999", "#d55e00"


def draw(results: BenchmarkResults, directory: Path) -> list[Path]:
    """Draw all plots of a run and return their paths."""
    plots: dict[str, Callable[[Figure, BenchmarkResults], None]] = {
        "throughput": _throughput,
        "latency": _latency,
        "growth": _growth,
    }
    directory.mkdir(parents=True, exist_ok=True)
    return [_draw_plot(results, directory / f"{results.profile}-{name}.svg", plot) for name, plot in plots.items()]


def _draw_plot(results: BenchmarkResults, path: Path, plot: Callable[[Figure, BenchmarkResults], None]) -> Path:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, _HEIGHT), layout="constrained")
        plot(figure, results)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return path


def _throughput(figure: Figure, results: BenchmarkResults) -> None:
    axes = figure.subplots()
    bars = {str(system): summarize_rounds(rates(results, system)) for system in BenchmarkedSystem}
    bars["one worker, two partitions"] = summarize_rounds([run.rate for run in results.scaling.one])
    bars["two workers"] = summarize_rounds([run.rate for run in results.scaling.two])
    own = {str(BenchmarkedSystem.REPRISE), "one worker, two partitions", "two workers"}
    values = list(bars.values())
    container = axes.barh(
        list(bars),
        [value.median for value in values],
        xerr=_error_bars(values),
        color=[OWN_COLOUR if name in own else OTHER_COLOUR for name in bars],
        error_kw={"capsize": 3, "elinewidth": 1},
    )
    axes.bar_label(container, fmt="{:,.0f}", padding=6)
    axes.invert_yaxis()
    axes.set_xlabel("articles/s: median, lowest and highest of the rounds")
    axes.margins(x=0.12)


def _latency(figure: Figure, results: BenchmarkResults) -> None:
    axes = figure.subplots()
    shown = [
        (values, f"{latency.rate:,.0f}/s, {end}")
        for latency in results.latencies
        for values, end in ((latency.event, "event"), (latency.reader, "reader"))
        if values and (end == "reader" or latency.reader is None)
    ]
    for (values, name), colour in zip(shown, (OWN_COLOUR, GOAL_COLOUR, OTHER_COLOUR), strict=True):
        edges = [values.edges_ms[0] / 2, *values.edges_ms]
        shares = [100 * count / sum(values.counts) for count in values.counts[:-1]]
        label = f"{name}: p50 {values.p50_ms:.0f} ms, p99 {values.p99_ms:.0f} ms"
        axes.stairs(shares, edges, fill=True, color=colour, alpha=0.5, label=label)
    axes.set_xscale("log")
    axes.set_xlim(shown[0][0].edges_ms[0] / 2, 2 * max(values.p99_ms for values, _ in shown))
    axes.set_xlabel("ms from sent to the event's timestamp, or to the live reader")
    axes.set_ylabel("% of articles")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False, fontsize=8)


def _growth(figure: Figure, results: BenchmarkResults) -> None:
    times_axes, memory_axes = figure.subplots(1, 2)
    sizes = results.growth.sizes
    articles = [size.articles for size in sizes]
    grown = [summarize_rounds([probe.server_us for probe in size.grown]) for size in sizes]
    small = [summarize_rounds([probe.server_us for probe in size.small]) for size in sizes]
    for values, colour, name in (
        (grown, OWN_COLOUR, "index of that size"),
        (small, OTHER_COLOUR, "index of the first size"),
    ):
        times_axes.errorbar(
            articles,
            [value.median for value in values],
            yerr=_error_bars(values),
            color=colour,
            marker="o",
            capsize=3,
            label=name,
        )
    goal = GROWTH_RATIO * summarize_rounds([probe.server_us for size in sizes for probe in size.small]).median
    goal_label = f"goal: {GROWTH_RATIO:g} times the first"
    times_axes.axhline(goal, color=GOAL_COLOUR, linestyle="--", linewidth=1.2, label=goal_label)
    _set_size_axis(times_axes, "server CPU µs per decision")
    times_axes.legend(frameon=False, fontsize=8, loc="lower right")
    bytes_per_article = [size.used_bytes / size.articles for size in sizes]
    memory_axes.plot(articles, bytes_per_article, color=OWN_COLOUR, marker="o", label="measured")
    budget_label = "budget at the expected size"
    memory_axes.axhline(INDEXED_BYTES, color=GOAL_COLOUR, linestyle="--", linewidth=1.2, label=budget_label)
    memory_axes.axvline(results.growth.expected_articles, color=OTHER_COLOUR, linewidth=1, label="expected size")
    _set_size_axis(memory_axes, "bytes per indexed article")
    memory_axes.legend(frameon=False, fontsize=8)


def _set_size_axis(axes: Axes, y_label: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter("")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("indexed articles")
    axes.set_ylabel(y_label)


def _error_bars(values: list[MedianRange]) -> Any:
    return [[value.median - value.low for value in values], [value.high - value.median for value in values]]
