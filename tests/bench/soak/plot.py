"""Draw the plot of a soak test: memory, keys and articles over time."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.goals.plots import GOAL_COLOUR, OTHER_COLOUR, OWN_COLOUR, STYLE, WIDTH
from tests.bench.soak.results import SoakResults

#: height of the plot in inches
_HEIGHT: Final = 5.2


def draw(results: SoakResults, path: Path) -> None:
    """Write the SVG. The same results give the same bytes."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, _HEIGHT), layout="constrained")
        memory, keys, articles = figure.subplots(3, 1, sharex=True)
        series = results.series
        memory.plot(series.seconds, [used / 1_000_000 for used in series.used_bytes], color=OWN_COLOUR)
        memory.set_ylabel("memory, MB")
        keys.plot(series.seconds, series.keys, color=OWN_COLOUR)
        keys.set_ylabel("keys")
        points = [
            (at, count) for at, count in zip(series.seconds, series.index_articles, strict=True) if count is not None
        ]
        articles.step([at for at, _ in points], [count for _, count in points], color=OWN_COLOUR, where="post")
        articles.set_ylabel("articles")
        for axes in (memory, keys, articles):
            axes.set_ylim(bottom=0, top=1.15 * axes.get_ylim()[1])
            axes.yaxis.set_major_formatter("{x:,.0f}" if axes is not memory else "{x:.1f}")
            _draw_windows(axes, results)
        articles.set_xlabel(f"s since the start of the load, at {results.profile.rate:g} articles/s")
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _draw_windows(axes: Axes, results: SoakResults) -> None:
    for number in range(1, results.profile.windows + 1):
        is_last = number == results.profile.windows
        axes.axvline(
            number * results.profile.window_seconds,
            color=GOAL_COLOUR if is_last else OTHER_COLOUR,
            linewidth=1.2 if is_last else 0.6,
            linestyle="--" if is_last else "-",
        )
    axes.text(
        results.profile.load_seconds,
        0.98,
        " end of the load",
        color=GOAL_COLOUR,
        transform=axes.get_xaxis_transform(),
        va="top",
        fontsize=9,
    )
