"""Show the progress of the demo: a live table on a terminal, plain lines otherwise."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.local.demo.counters import OutcomeCounters, OutcomeRow

#: redraws per second at most, so that drawing does not slow the demo
_MAX_REDRAWS: Final = 5

#: seconds between two lines of counts without a terminal
_LINE_SECONDS: Final = 2.0

#: lines of the panel and of the table's heading; a narrow terminal wraps some lines of the panel
_FRAME_LINES: Final = 10

#: characters shown of a story id, enough to distinguish the stories on the screen
_STORY_CHARACTERS: Final = 6

_COLOURS: Final = {
    "new story": "bold green",
    "exact": "cyan",
    "near": "blue",
    "partial": "magenta",
    "revision": "yellow",
    "dead letter": "red",
}

#: columns of the rows without a terminal: decision, similarity to the matched article, story id, title (source)
_ROW_HEADING: Final = f"{'decision':<11} {'sim.':>4}  {'story':<6}  title (source)"


class DemoView(Protocol):
    """The display of the demo's progress."""

    def show_step(self, step: str) -> None:
        """Show the current step of the demo."""

    def show_progress(self, counters: OutcomeCounters, *, show_rows: bool) -> None:
        """Show the counts. `show_rows` asks the line view for each new outcome instead."""


@contextmanager
def open_view(console: Console, heading: str) -> Iterator[DemoView]:
    """Yield a view that suits the console. Leaving the context restores the terminal."""
    if not console.is_terminal:
        yield _LineView(console)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield _ScreenView(live, heading)


def format_row(row: OutcomeRow) -> str:
    """Return an outcome as one line. See _ROW_HEADING."""
    similarity = "" if row.similarity is None else f"{row.similarity:.2f}"
    source = f" ({row.source})" if row.source else ""
    return f"{row.outcome:<11} {similarity:>4}  {row.story[:_STORY_CHARACTERS]:<6}  {row.title}{source}"


def format_counts(counters: OutcomeCounters) -> str:
    """Return the counts as one line."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counters.variants.items()))
    variants = f"{counters.variants.total():,} variants" + (f" ({kinds})" if kinds else "")
    outcomes = f"{counters.stories:,} stories, {variants}, {counters.dead_letters.total():,} dead letters"
    return f"{counters.articles_in:,} articles in; {outcomes}; {counters.throughput():,.0f} articles/s"


class _LineView:
    """A view of plain lines: each outcome once if rows are requested, otherwise the counts at intervals."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._printed_outcomes = 0
        self._printed_at = time.monotonic()

    def show_step(self, step: str) -> None:
        self._print(step)

    def show_progress(self, counters: OutcomeCounters, *, show_rows: bool) -> None:
        new = min(counters.outcomes - self._printed_outcomes, len(counters.rows))
        if show_rows:
            if new and not self._printed_outcomes:
                self._print(_ROW_HEADING)
            for row in list(counters.rows)[len(counters.rows) - new :]:
                self._print(format_row(row))
        elif time.monotonic() - self._printed_at >= _LINE_SECONDS:
            self._printed_at = time.monotonic()
            self._print(format_counts(counters))
        self._printed_outcomes = counters.outcomes

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _ScreenView:
    """A view of the step, the counts and a table of the latest outcomes, redrawn in place."""

    def __init__(self, live: Live, heading: str) -> None:
        self._live = live
        self._heading = heading
        self._step = ""
        self._counters: OutcomeCounters | None = None
        self._drawn_at = 0.0

    def show_step(self, step: str) -> None:
        self._step = step
        self._draw()

    def show_progress(self, counters: OutcomeCounters, *, show_rows: bool) -> None:
        self._counters = counters
        if time.monotonic() - self._drawn_at >= 1 / _MAX_REDRAWS:
            self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._live.update(self._render(), refresh=True)

    def _render(self) -> RenderableType:
        header = Text(f"{self._heading}\n{self._step}")
        if self._counters is None:
            return Panel(header, title="reprise")
        header.append(f"\n{format_counts(self._counters)}", style="bold")
        height = max(3, self._live.console.size.height - _FRAME_LINES)
        return Group(Panel(header, title="reprise"), _table(list(self._counters.rows)[-height:]))


def _table(rows: list[OutcomeRow]) -> Table:
    table = Table(expand=True, box=None, pad_edge=False)
    table.add_column("decision", width=11, no_wrap=True)
    table.add_column("sim.", width=4, justify="right")
    table.add_column("story", width=_STORY_CHARACTERS, no_wrap=True)
    table.add_column("title", ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column("source", ratio=1, no_wrap=True, overflow="ellipsis")
    for row in rows:
        similarity = "" if row.similarity is None else f"{row.similarity:.2f}"
        cells = (similarity, row.story[:_STORY_CHARACTERS], row.title, row.source)
        table.add_row(Text(row.outcome, style=_COLOURS.get(row.outcome, "")), *(Text(cell) for cell in cells))
    return table
