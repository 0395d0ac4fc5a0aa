"""What a replay tells while it runs, and its last line."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self, TextIO

from reprise.commands.support.telling import Telling
from reprise.model import CorruptRecord, Decision, Dependency, EventType, Message, Rejection
from reprise.observability.observers import NullObserver

#: Dead letters told of one by one; of a file that is none of ours a hundred lines say enough.
MAX_NOTES: Final = 100


class Progress(NullObserver):
    """Counts what the pipeline tells and shows it on `stream`, which is not where the events go."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._telling = Telling(stream, clock)
        self._clock = clock
        self._started_at = clock()
        self._outcomes: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._done = 0
        self._notes = 0

    def __enter__(self) -> Self:
        """Begin to show."""
        self._telling.__enter__()
        self._telling.so_far(self._line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Show no more, also where the replay failed."""
        self._telling.__exit__(kind, error, where)

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """See Observer."""
        for decision in decisions:
            if decision.trace.replayed:
                self._outcomes["replayed"] += 1
            else:
                self._outcomes["new" if decision.type is EventType.NEW else "variants"] += 1
                self._kinds.update([decision.kind.value] if decision.kind else [])

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        """See Observer."""
        self._dead[rejection.reason.value] += 1
        self._note(f"{message.topic}:{message.offset}: {rejection.reason.value}: {rejection.detail}")

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """See Observer."""
        self._done += len(messages)
        self._telling.so_far(self._line)

    def unreachable(self, dependency: Dependency, reason: str) -> None:
        """See Observer."""
        self._telling.say(f"{dependency} does not answer; waiting for it")

    def reachable(self, dependency: Dependency) -> None:
        """See Observer."""
        self._telling.say(f"{dependency} answers again")

    def _note(self, line: str) -> None:
        """Tell of one message."""
        self._notes += 1
        if self._notes <= MAX_NOTES:
            self._telling.say(line)
        elif self._notes == MAX_NOTES + 1:
            self._telling.say("more dead letters are only counted")

    def summarise(self) -> None:
        """Tell the whole in one line."""
        seconds = max(self._clock() - self._started_at, 1e-9)
        parts = [f"{self._line()} in {seconds:.1f} s ({self._done / seconds:,.0f} a second)"]
        for what, counts in (("variants", self._kinds), ("dead letters", self._dead)):
            if counts:
                parts.append(f"{what}: " + ", ".join(f"{count:,} {name}" for name, count in counts.most_common()))
        self._telling.say("; ".join(parts))

    def _line(self) -> str:
        counts = [f"{self._outcomes[name]:,} {name}" for name in ("new", "variants")]
        counts += [f"{self._outcomes['replayed']:,} replayed"] if self._outcomes["replayed"] else []
        return f"{self._done:,} messages: {', '.join(counts)}, {self._dead.total():,} dead"
