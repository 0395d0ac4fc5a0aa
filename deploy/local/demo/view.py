"""The screen: a live table on a terminal, plain lines elsewhere."""

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

#: Redraws a second at most: the screen must not slow what it shows.
_REDRAWS: Final = 5

#: Seconds between two lines of figures where there is no terminal.
_LINE_SECONDS: Final = 2.0

#: Lines around the table's rows: the panel, some of its lines broken on a narrow screen, and the heading.
_FRAME_LINES: Final = 10

#: Characters of a story's id that tell it from the few on the screen.
_STORY_CHARACTERS: Final = 6

_COLOURS: Final = {
    "new story": "bold green",
    "exact": "cyan",
    "near": "blue",
    "partial": "magenta",
    "revision": "yellow",
    "dead letter": "red",
}


class DemoView(Protocol):
    """What the demo tells while it runs."""

    def say(self, line: str) -> None:
        """Tell of a step."""

    def show(self, tally: OutcomeCounters, *, rows: bool) -> None:
        """Show how far things are; `rows` asks for each outcome where they are told one by one."""


@contextmanager
def open_view(console: Console, heading: str) -> Iterator[DemoView]:
    """Give the view that fits the console; a terminal is left as it was found."""
    if not console.is_terminal:
        yield _LineView(console)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield _ScreenView(live, heading)


def format_row(row: OutcomeRow) -> str:
    """Tell an outcome in one plain line."""
    similarity = "" if row.similarity is None else f"{row.similarity:.2f}"
    where = f" ({row.source})" if row.source else ""
    return f"{row.what:<11} {similarity:>4}  {row.story[:_STORY_CHARACTERS]:<6}  {row.title}{where}"


def format_counts(tally: OutcomeCounters) -> str:
    """Tell the counts in one line."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tally.kinds.items()))
    variants = f"{tally.kinds.total():,} variants" + (f" ({kinds})" if kinds else "")
    outcome = f"{tally.stories:,} stories, {variants}, {tally.dead.total():,} dead letters"
    return f"{tally.articles_in:,} articles in; {outcome}; {tally.speed():,.0f} articles/s"


class _LineView:
    """Plain lines: each outcome once while rows are asked for, else figures now and then."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = 0
        self._told_at = time.monotonic()

    def say(self, line: str) -> None:
        self._print(line)

    def show(self, tally: OutcomeCounters, *, rows: bool) -> None:
        fresh = min(tally.outcomes - self._told, len(tally.rows))
        self._told = tally.outcomes
        if rows:
            for row in list(tally.rows)[len(tally.rows) - fresh :]:
                self._print(format_row(row))
        elif time.monotonic() - self._told_at >= _LINE_SECONDS:
            self._told_at = time.monotonic()
            self._print(format_counts(tally))

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class _ScreenView:
    """A table of the latest outcomes under a heading, redrawn in place."""

    def __init__(self, live: Live, heading: str) -> None:
        self._live = live
        self._heading = heading
        self._step = ""
        self._tally: OutcomeCounters | None = None
        self._drawn_at = 0.0

    def say(self, line: str) -> None:
        self._step = line
        self._draw()

    def show(self, tally: OutcomeCounters, *, rows: bool) -> None:
        self._tally = tally
        if time.monotonic() - self._drawn_at >= 1 / _REDRAWS:
            self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._live.update(self._drawing(), refresh=True)

    def _drawing(self) -> RenderableType:
        head = Text(f"{self._heading}\n{self._step}")
        if self._tally is None:
            return Panel(head, title="reprise")
        head.append(f"\n{format_counts(self._tally)}", style="bold")
        height = max(3, self._live.console.size.height - _FRAME_LINES)
        return Group(Panel(head, title="reprise"), _table(list(self._tally.rows)[-height:]))


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
        table.add_row(Text(row.what, style=_COLOURS.get(row.what, "")), *(Text(cell) for cell in cells))
    return table
