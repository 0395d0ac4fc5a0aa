"""What a replay shows while it runs, and its last line: on a terminal a line that moves, else a line now and then."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console
from rich.progress import Progress as Bar
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from worker.model import DeadReason, Decision, Dependency, EventType, Message, Unreadable
from worker.observers import Deaf

#: Seconds between two lines where there is no terminal.
LINE_SECONDS: Final = 5.0

#: Dead letters told of one by one; of a file that is none of ours a hundred lines say enough.
MAX_NOTES: Final = 100


class Progress(Deaf):
    """Counts what the pipeline tells and shows it on `stream`, which is not where the events go."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)
        self._clock = clock
        self._started_at = self._told_at = clock()
        self._outcomes: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._done = 0
        self._notes = 0
        self._closing = ExitStack()
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
            self._bar = self._closing.enter_context(Bar(*columns, console=self._console, transient=True))
            self._bar.add_task(self._line())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Show no more, also where the replay failed."""
        self._closing.close()

    def decided(self, decisions: Sequence[Decision], waited: float, taken: float) -> None:
        """See Observer."""
        for decision in decisions:
            if decision.trace.replayed:
                self._outcomes["replayed"] += 1
            else:
                self._outcomes["new" if decision.type is EventType.NEW else "variants"] += 1
                self._kinds.update([decision.kind.value] if decision.kind else [])

    def binned(self, reason: DeadReason, message: Message | Unreadable) -> None:
        """See Observer."""
        self._dead[reason.value] += 1

    def delivered(self, messages: Sequence[Message | Unreadable]) -> None:
        """See Observer."""
        self._done += len(messages)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], description=self._line())
        elif self._clock() - self._told_at >= LINE_SECONDS:
            self._say(self._line())

    def unreachable(self, dependency: Dependency, reason: str) -> None:
        """See Observer."""
        self._say(f"{dependency} does not answer; waiting for it")

    def reachable(self, dependency: Dependency) -> None:
        """See Observer."""
        self._say(f"{dependency} answers again")

    def note(self, line: str) -> None:
        """Tell of one message."""
        self._notes += 1
        if self._notes <= MAX_NOTES:
            self._say(line)
        elif self._notes == MAX_NOTES + 1:
            self._say("more dead letters are only counted")

    def summarise(self) -> None:
        """Tell the whole in one line."""
        seconds = max(self._clock() - self._started_at, 1e-9)
        parts = [f"{self._line()} in {seconds:.1f} s ({self._done / seconds:,.0f} a second)"]
        for what, counts in (("variants", self._kinds), ("dead letters", self._dead)):
            if counts:
                parts.append(f"{what}: " + ", ".join(f"{count:,} {name}" for name, count in counts.most_common()))
        self._say("; ".join(parts))

    def _line(self) -> str:
        counts = [f"{self._outcomes[name]:,} {name}" for name in ("new", "variants")]
        counts += [f"{self._outcomes['replayed']:,} replayed"] if self._outcomes["replayed"] else []
        return f"{self._done:,} messages: {', '.join(counts)}, {self._dead.total():,} dead"

    def _say(self, line: str) -> None:
        self._told_at = self._clock()
        self._console.print(f"reprise: {line}")
