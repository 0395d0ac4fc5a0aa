"""Learning in silence: a worker of a new index reads what another has told, and tells only what comes after.

May live here: where the silence ends, and the three decorators that keep it: of the Source, which cuts the batches
there, of the Index, which learns what is silent, and of the Delivery, which commits it and tells nothing. May not:
anything that knows Kafka or Redis. Where the silence ends follows from the input and from the other group's commits
alone, so that a restart, or another worker of the group, finds it in the same place.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final, Protocol

from worker.errors import UsageError
from worker.model import Fingerprint, Message, Outcome, Unreadable
from worker.ports import Answers, Delivery, Index, Partition, Source

#: Seconds between two looks at the other group while messages wait for it.
LOOK_SECONDS: Final = 1.0

#: Seconds that the other group must have been without members: a last worker that is being replaced is away for less.
SETTLED_SECONDS: Final = 10.0

#: Seconds between two lines of progress.
PROGRESS_SECONDS: Final = 30.0

_Read = Message | Unreadable


class Verdict(Enum):
    """What is done with a message: learnt and not told, left for later, or handled as ever."""

    SILENT = auto()
    WAITING = auto()
    LIVE = auto()


class Until(Protocol):
    """Where the silence ends: at a place of its own in each partition, or at a time."""

    def verdict(self, message: _Read) -> Verdict:
        """Say what is done with a message, as of the last look."""

    def look(self) -> None:
        """Look again, where it may move. Raises Unreachable, Fatal."""


class Learning(Index, Protocol):
    """An index that learns what another has decided."""

    def learn(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Answers:
        """Ask as `ask` does, but under the other's stories, and record the other's decision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilTime:
    """Messages with a timestamp before `at_ms` are silent. One that cannot be read has none: better told twice."""

    at_ms: int

    def verdict(self, message: _Read) -> Verdict:
        """See Until."""
        stamped = message.timestamp_ms if isinstance(message, Message) else None
        return Verdict.SILENT if stamped is not None and stamped < self.at_ms else Verdict.LIVE

    def look(self) -> None:
        """See Until."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilOffsets:
    """Messages below a partition's offset are silent; none is in a partition that is not named."""

    offsets: Mapping[int, int]

    def verdict(self, message: _Read) -> Verdict:
        """See Until."""
        return Verdict.SILENT if message.offset < self.offsets.get(message.partition, 0) else Verdict.LIVE

    def look(self) -> None:
        """See Until."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilGroup:
    """The name of a group whose commits say it; what it becomes is AfterGroup."""

    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """Another group: how many members it has, and the positions that it committed, asked for after the members."""

    members: int
    offsets: Mapping[int, int]


class AfterGroup:
    """Silent below what the group committed; the rest waits until it has no members, so that no commit can follow."""

    def __init__(self, ask: Callable[[], GroupState], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Look for the first time. Raises what `ask` raises: Unreachable, Fatal."""
        self._ask = ask
        self._monotonic = monotonic
        self._empty_since: float | None = None
        self._over = False
        self.look()

    def verdict(self, message: _Read) -> Verdict:
        """See Until."""
        if message.offset < self._state.offsets.get(message.partition, 0):
            return Verdict.SILENT
        return Verdict.LIVE if self._over else Verdict.WAITING

    def look(self) -> None:
        """See Until."""
        if self._over:
            return
        self._state = self._ask()
        if self._state.members:
            self._empty_since = None
            return
        now = self._monotonic()
        self._empty_since = now if self._empty_since is None else self._empty_since
        self._over = now - self._empty_since >= SETTLED_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """What the command line asks for.

    text        as it was written
    generation  the index to learn from; None is the one without a generation
    """

    text: str
    until: UntilTime | UntilOffsets | UntilGroup
    generation: str | None = None


def read_until(text: str) -> UntilTime | UntilOffsets | UntilGroup:
    """Read `group:NAME`, `PARTITION:OFFSET,...` or a time in RFC 3339. Raises UsageError."""
    if text.startswith("group:") and text != "group:":
        return UntilGroup(group_id=text.removeprefix("group:"))
    if re.fullmatch(r"\d{1,9}:\d{1,18}(,\d{1,9}:\d{1,18})*", text):
        pairs = [pair.split(":") for pair in text.split(",")]
        offsets = {int(partition): int(offset) for partition, offset in pairs}
        if len(offsets) == len(pairs):
            return UntilOffsets(offsets=offsets)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise UsageError(
            f"--warm-up: {text!r} is not allowed; allowed: a time such as 2026-11-21T08:00:00Z, "
            "offsets such as 0:1234,1:1200, or group:NAME"
        )
    return UntilTime(at_ms=round(at.timestamp() * 1000))


class Held(Source, Protocol):
    """A source that takes messages back."""

    def put_back(self, positions: Mapping[Partition, int]) -> None:
        """Fetch nothing more of these partitions until `resume`, and then begin there."""


class WarmSource:
    """The Source that hands out no batch of both kinds: `silent` says of which kind the last one was."""

    def __init__(
        self,
        source: Held,
        until: Until,
        tell: Callable[..., Any],
        live: Callable[[], None],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Cut what `source` gives.

        tell  takes a line for the log: its event, and fields
        live  is called once, when there is something to tell for the first time
        """
        self._source = source
        self._until = until
        self._tell = tell
        self._went_live = live
        self._monotonic = monotonic
        self.silent = True
        self._paused = False
        self._put_back = False
        self._waiting = False
        self._looked_at = self._told_at = monotonic()
        self._learnt = 0
        self._live = False

    def poll(self, timeout_seconds: float) -> Sequence[_Read]:
        """See Source."""
        if self._paused:
            return self._source.poll(timeout_seconds)
        self._take_up()
        messages = self._source.poll(timeout_seconds)
        batch = self._cut(messages)
        if batch:
            self.silent = self._until.verdict(batch[0]) is Verdict.SILENT
            self._learnt += len(batch) if self.silent else 0
        self._note(told=bool(batch) and not self.silent)
        return batch

    def notes(self) -> Sequence[str]:
        """See Source."""
        return self._source.notes()

    def pause(self) -> None:
        """See Source."""
        self._paused = True
        self._source.pause()

    def resume(self) -> None:
        """See Source. What was put back comes again, and is put back again if it still has to wait."""
        self._paused = self._put_back = False
        self._source.resume()

    def close(self) -> None:
        """See Source."""
        self._source.close()

    def _take_up(self) -> None:
        """Go on with what was put back: at once behind a cut, after a look at the group where it waits for that."""
        if self._waiting:
            if self._monotonic() - self._looked_at < LOOK_SECONDS:
                return
            self._until.look()
            self._looked_at = self._monotonic()
        if self._put_back:
            self.resume()

    def _cut(self, messages: Sequence[_Read]) -> Sequence[_Read]:
        """Keep of each partition what comes first and is of one kind, silent before live; the rest goes back."""
        verdicts = [self._until.verdict(message) for message in messages]
        kind = Verdict.SILENT if Verdict.SILENT in _first_of_each(messages, verdicts) else Verdict.LIVE
        batch: list[_Read] = []
        back: dict[Partition, int] = {}
        waiting = self._waiting and self._put_back
        for message, verdict in zip(messages, verdicts, strict=True):
            partition = (message.topic, message.partition)
            if partition not in back and verdict is kind:
                batch.append(message)
            else:
                back.setdefault(partition, message.offset)
                waiting = waiting or verdict is Verdict.WAITING
        self._waiting = waiting
        if back:
            self._put_back = True
            self._source.put_back(back)
        return batch

    def _note(self, *, told: bool) -> None:
        if self._live:
            return
        now = self._monotonic()
        if told:
            self._live = True
            self._went_live()
            self._tell("warm_up_over", learnt=self._learnt)
        elif now - self._told_at >= PROGRESS_SECONDS:
            self._told_at = now
            self._tell("warm_up_progress", learnt=self._learnt, waiting=self._waiting)


def _first_of_each(messages: Sequence[_Read], verdicts: Sequence[Verdict]) -> Sequence[Verdict]:
    first: dict[Partition, Verdict] = {}
    for message, verdict in zip(messages, verdicts, strict=True):
        first.setdefault((message.topic, message.partition), verdict)
    return list(first.values())


class WarmIndex:
    """The Index that learns silent batches, and decides the others."""

    def __init__(self, index: Learning, silent: Callable[[], bool]) -> None:
        self._index = index
        self._silent = silent

    def ask(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Answers:
        """See Index."""
        return (self._index.learn if self._silent() else self._index.ask)(namespace, fingerprints, now_ms)

    def close(self) -> None:
        """See Index."""
        self._index.close()


class WarmDelivery:
    """The Delivery that commits silent batches and tells nothing of them; what they would have led to is counted."""

    def __init__(self, delivery: Delivery, silent: Callable[[], bool]) -> None:
        self._delivery = delivery
        self._silent = silent

    def deliver(self, outcomes: Sequence[Outcome], note: str) -> Sequence[tuple[Outcome, int]]:
        """See Delivery."""
        if not self._silent():
            return self._delivery.deliver(outcomes, note)
        whole = {_place(outcome): outcome for outcome in outcomes}
        done = self._delivery.deliver([Outcome(message=outcome.message) for outcome in outcomes], note)
        return [(whole[_place(outcome)], 0) for outcome, _ in done]

    def close(self) -> None:
        """See Delivery."""
        self._delivery.close()


def _place(outcome: Outcome) -> tuple[str, int, int]:
    message = outcome.message
    return message.topic, message.partition, message.offset
