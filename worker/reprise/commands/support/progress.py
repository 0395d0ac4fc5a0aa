"""Show the progress of a command on standard error."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

#: Seconds between two status lines if the stream is not a terminal.
LINE_INTERVAL_SECONDS: Final = 5.0

_TEXT: Final = TextColumn("{task.description}", markup=False)


class ProgressDisplay:
    """Show a spinner or a bar on a terminal, elsewhere a status line every LINE_INTERVAL_SECONDS.

    stream    not the stream of the command's output
    animated  False if the output goes to the same terminal, where the animation would overwrite it
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, *, animated: bool = True) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
        self._animated = animated and self._console.is_terminal
        self._clock = clock
        self._printed_at = clock()
        self._status: Callable[[], str] | None = None
        self._animation: Progress | None = None

    def print(self, line: str) -> None:
        """Print a line, above the animation if there is one."""
        self._printed_at = self._clock()
        self._console.print(f"reprise: {line}")

    def refresh(self) -> None:
        """Update the status on a terminal; elsewhere print it if the interval has passed since the last line."""
        if self._status is None or self._animation is None:
            return
        if self._animated:
            self._animation.update(self._animation.task_ids[0], description=self._status())
        elif self._clock() - self._printed_at >= LINE_INTERVAL_SECONDS:
            self.print(self._status())

    @contextmanager
    def spinner(self, status: Callable[[], str]) -> Iterator[None]:
        """Show `status()` beside a spinner; call `refresh` whenever it changes."""
        with self._animate(status, None, SpinnerColumn(), _TEXT, TimeElapsedColumn()):
            yield

    @contextmanager
    def bar(self, name: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Show a bar, and print the count and the duration at the end.

        Yields a function that adds a number of articles to the count. `total` is None if it is unknown.
        """
        started_at, count = self._clock(), 0

        def status() -> str:
            return f"{name}: {count:,} articles" if total is None else f"{name}: {count:,} of {total:,} articles"

        with self._animate(status, total, _TEXT, BarColumn(), TimeRemainingColumn()) as animation:

            def advance(articles: int) -> None:
                nonlocal count
                count += articles
                animation.advance(animation.task_ids[0], articles)
                self.refresh()

            yield advance
        self.print(f"{name}: {count:,} articles in {self._clock() - started_at:.1f} s")

    @contextmanager
    def _animate(self, status: Callable[[], str], total: int | None, *columns: ProgressColumn) -> Iterator[Progress]:
        self._status = status
        with Progress(*columns, console=self._console, transient=True, disable=not self._animated) as animation:
            self._animation = animation
            animation.add_task(status(), total=total)
            try:
                yield animation
            finally:
                self._animation = None
