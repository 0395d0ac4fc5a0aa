"""How a command tells how far it is: on a terminal by a line that moves, else by a line now and then."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

#: Seconds between two lines where there is no terminal.
LINE_SECONDS: Final = 5.0


class Telling:
    """Shows lines on `stream`, which is not where the output goes.

    moving  whether a terminal gets the line that moves; it would not mix with an output on the same terminal
    """

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic, *, moving: bool = True) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
        self._moving = moving and self._console.is_terminal
        self._clock = clock
        self._told_at = clock()
        self._closing = ExitStack()
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._moving:
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            self._bar = self._closing.enter_context(Bar(*columns, console=self._console, transient=True))
            self._bar.add_task("")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Show no more, also where the command failed."""
        self._closing.close()

    def so_far(self, line: Callable[[], str]) -> None:
        """Show how far it is, where it is time to."""
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=line())
        elif self._clock() - self._told_at >= LINE_SECONDS:
            self.say(line())

    def say(self, line: str) -> None:
        """Say a line in any case."""
        self._told_at = self._clock()
        self._console.print(f"reprise: {line}")
