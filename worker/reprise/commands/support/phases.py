"""What a command of several long steps shows while it runs: a bar on a terminal, else a line when a step is done."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Advance = Callable[[int], None]


class Phases:
    """Steps shown on `stream`, which is not where the result goes."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
        self._clock = clock

    @contextmanager
    def phase(self, name: str, total: int | None) -> Iterator[Advance]:
        """Show one step while the context lasts; `total` is None where its length is unknown."""
        started_at = self._clock()
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        bar = Progress(
            *columns,
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        task = bar.add_task(name, total=total)
        with bar:
            yield lambda steps: bar.advance(task, steps)
        self.say(f"{name}: {bar.tasks[0].completed:,.0f} articles in {self._clock() - started_at:.1f} s")

    def say(self, line: str) -> None:
        """Tell one line."""
        self._console.print(f"reprise: {line}")
