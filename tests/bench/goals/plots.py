"""The pictures of a run: SVG, the same bytes for the same results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.goals.results import Contender, Results
from tests.bench.goals.summary import Spread, spread
from tests.bench.goals.verdicts import GROWTH_RATIO, INDEXED_BYTES, P50_MS, P99_MS, rates

#: Text as text, which any browser draws and anybody can search; names of elements that do not change from run to run.
STYLE: Final = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reprise",
    "font.size": 10,
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
}

#: Inches; 72 of an SVG's points each.
WIDTH, _HEIGHT = 8.0, 3.2

#: Colours that are told apart without colour vision, too (Okabe and Ito): ours, others', goals'.
OURS, OTHERS, GOAL = "#0072b2", "#999999", "#d55e00"


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw all pictures of a run and return their files."""
    pictures: dict[str, Callable[[Figure, Results], None]] = {
        "throughput": _throughput,
        "latency": _latency,
        "growth": _growth,
    }
    folder.mkdir(parents=True, exist_ok=True)
    return [_drawn(results, folder / f"{results.form}-{name}.svg", picture) for name, picture in pictures.items()]


def _drawn(results: Results, path: Path, picture: Callable[[Figure, Results], None]) -> Path:
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]  # its keys are a closed set
        figure = Figure(figsize=(WIDTH, _HEIGHT), layout="constrained")
        picture(figure, results)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    return path


def _throughput(figure: Figure, results: Results) -> None:
    axes = figure.subplots()
    found = {str(each): spread(rates(results, each)) for each in Contender}
    found["one worker of two partitions"] = spread([run.rate for run in results.scaling.one])
    found["two workers"] = spread([run.rate for run in results.scaling.two])
    ours = {str(Contender.REPRISE), "one worker of two partitions", "two workers"}
    values = list(found.values())
    bars = axes.barh(
        list(found),
        [each.median for each in values],
        xerr=_errors(values),
        color=[OURS if name in ours else OTHERS for name in found],
        error_kw={"capsize": 3, "elinewidth": 1},
    )
    axes.bar_label(bars, fmt="{:,.0f}", padding=6)
    axes.invert_yaxis()
    axes.set_xlabel("articles/s: median, lowest and highest of the rounds")
    axes.margins(x=0.12)


def _latency(figure: Figure, results: Results) -> None:
    axes = figure.subplots()
    found = results.latency
    edges = [0.0, *found.edges_ms]
    total = found.articles
    axes.stairs([100 * count / total for count in found.counts[:-1]], edges, fill=True, color=OURS, alpha=0.8)
    axes.set_xscale("log")
    used = [at for at, count in enumerate(found.counts[:-1]) if count]
    left = min(edges[used[0]] or edges[1] / 2, P50_MS / 2)
    axes.set_xlim(left, max(edges[used[-1] + 1], P99_MS) * 1.3)
    axes.margins(y=0.3)  # room for the marks above the bars
    for name, at, goal in (("p50", found.p50_ms, P50_MS), ("p99", found.p99_ms, P99_MS)):
        axes.axvline(at, color=OURS, linewidth=1.2)
        _mark(axes, at, f"{name} {at:.0f} ms", OURS, 0.98)
        axes.axvline(goal, color=GOAL, linewidth=1.2, linestyle="--")
        _mark(axes, goal, f"goal {goal:g} ms", GOAL, 0.9)
    axes.set_xlabel(f"ms from produced to readable, at {found.sent_rate:,.0f} articles/s")
    axes.set_ylabel("% of articles")
    axes.xaxis.set_major_formatter("{x:g}")


def _mark(axes: Axes, at: float, text: str, colour: str, height: float) -> None:
    axes.text(at, height, f" {text}", color=colour, transform=axes.get_xaxis_transform(), va="top", fontsize=9)


def _growth(figure: Figure, results: Results) -> None:
    times, sizes_axes = figure.subplots(1, 2)
    found = results.growth.sizes
    articles = [each.articles for each in found]
    for values, colour, name in (
        ([spread([probe.server_us for probe in each.grown]) for each in found], OURS, "index of that size"),
        ([spread([probe.server_us for probe in each.small]) for each in found], OTHERS, "index of the first size"),
    ):
        times.errorbar(
            articles,
            [each.median for each in values],
            yerr=_errors(values),
            color=colour,
            marker="o",
            capsize=3,
            label=name,
        )
    goal = GROWTH_RATIO * spread([probe.server_us for each in found for probe in each.small]).median
    times.axhline(goal, color=GOAL, linestyle="--", linewidth=1.2, label=f"goal: {GROWTH_RATIO:g} times the first")
    _by_size(times, "µs of the server's CPU a decision")
    times.legend(frameon=False, fontsize=8, loc="lower right")
    sizes_axes.plot(
        articles, [each.used_bytes / each.articles for each in found], color=OURS, marker="o", label="measured"
    )
    sizes_axes.axhline(INDEXED_BYTES, color=GOAL, linestyle="--", linewidth=1.2, label="budget at the expected size")
    sizes_axes.axvline(results.growth.expected_articles, color=OTHERS, linewidth=1, label="expected size")
    _by_size(sizes_axes, "bytes an indexed article")
    sizes_axes.legend(frameon=False, fontsize=8)


def _by_size(axes: Axes, what: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter("")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("indexed articles")
    axes.set_ylabel(what)


def _errors(values: list[Spread]) -> Any:
    return [[each.median - each.low for each in values], [each.high - each.median for each in values]]
