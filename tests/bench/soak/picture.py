"""The picture of a soak: three lines over the windows."""

from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.goals.plots import GOAL, OTHERS, OURS, STYLE, WIDTH
from tests.bench.soak.results import Soak

#: Inches.
_HEIGHT: Final = 5.2


def draw(found: Soak, path: Path) -> None:
    """Write the SVG: the same bytes for the same results."""
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]  # its keys are a closed set
        figure = Figure(figsize=(WIDTH, _HEIGHT), layout="constrained")
        memory, keys, articles = figure.subplots(3, 1, sharex=True)
        seen = found.series
        memory.plot(seen.seconds, [each / 1_000_000 for each in seen.used_bytes], color=OURS)
        memory.set_ylabel("memory, MB")
        keys.plot(seen.seconds, seen.keys, color=OURS)
        keys.set_ylabel("keys")
        known = [(at, each) for at, each in zip(seen.seconds, seen.index_articles, strict=True) if each is not None]
        articles.step([at for at, _ in known], [each for _, each in known], color=OURS, where="post")
        articles.set_ylabel("articles")
        for axes in (memory, keys, articles):
            axes.set_ylim(bottom=0, top=1.15 * axes.get_ylim()[1])
            axes.yaxis.set_major_formatter("{x:,.0f}" if axes is not memory else "{x:.1f}")
            _windows(axes, found)
        articles.set_xlabel(f"s since the load began, at {found.form.rate:g} articles/s")
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _windows(axes: Axes, found: Soak) -> None:
    for number in range(1, found.form.windows + 1):
        last = number == found.form.windows
        axes.axvline(
            number * found.form.window_seconds,
            color=GOAL if last else OTHERS,
            linewidth=1.2 if last else 0.6,
            linestyle="--" if last else "-",
        )
    axes.text(
        found.form.load_seconds,
        0.98,
        " the load ends",
        color=GOAL,
        transform=axes.get_xaxis_transform(),
        va="top",
        fontsize=9,
    )
