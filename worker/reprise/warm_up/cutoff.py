"""Where the silence of a warm-up ends: at a time, at a place in each partition, or where another group stopped.

May live here: what is done with a message, by its place and its time alone and by the other group's commits, so that a
restart, or another worker of the group, finds the end in the same place. May not: anything that knows Kafka.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from reprise.model import CorruptRecord, Message

#: Seconds that the other group must have been without members: a last worker that is being replaced is away for less.
SETTLED_SECONDS: Final = 10.0

_Read = Message | CorruptRecord


class WarmUpPhase(Enum):
    """What is done with a message: learnt and not told, left for later, or handled as ever."""

    SILENT = auto()
    WAITING = auto()
    LIVE = auto()


class Cutoff(Protocol):
    """Where the silence ends: at a place of its own in each partition, or at a time."""

    def verdict(self, message: _Read) -> WarmUpPhase:
        """Say what is done with a message, as of the last look."""

    def look(self) -> None:
        """Look again, where it may move. Raises Unreachable, Fatal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCutoff:
    """Messages with a timestamp before `at_ms` are silent. One that cannot be read has none: better told twice."""

    at_ms: int

    def verdict(self, message: _Read) -> WarmUpPhase:
        """See Until."""
        stamped = message.timestamp_ms if isinstance(message, Message) else None
        return WarmUpPhase.SILENT if stamped is not None and stamped < self.at_ms else WarmUpPhase.LIVE

    def look(self) -> None:
        """See Until."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetCutoff:
    """Messages below a partition's offset are silent; none is in a partition that is not named."""

    offsets: Mapping[int, int]

    def verdict(self, message: _Read) -> WarmUpPhase:
        """See Until."""
        return WarmUpPhase.SILENT if message.offset < self.offsets.get(message.partition, 0) else WarmUpPhase.LIVE

    def look(self) -> None:
        """See Until."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCutoff:
    """The name of a group whose commits say it; what it becomes is GroupHandoverCutoff."""

    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """Another group: how many members it has, and the positions that it committed, asked for after the members."""

    members: int
    offsets: Mapping[int, int]


class GroupHandoverCutoff:
    """Silent below what the group committed; the rest waits until it has no members, so that no commit can follow."""

    def __init__(self, ask: Callable[[], GroupState], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Look for the first time. Raises what `ask` raises: Unreachable, Fatal."""
        self._ask = ask
        self._monotonic = monotonic
        self._empty_since: float | None = None
        self._over = False
        self.look()

    def verdict(self, message: _Read) -> WarmUpPhase:
        """See Until."""
        if message.offset < self._state.offsets.get(message.partition, 0):
            return WarmUpPhase.SILENT
        return WarmUpPhase.LIVE if self._over else WarmUpPhase.WAITING

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
class WarmUpOptions:
    """What the command line asks for.

    text        as it was written
    generation  the index to learn from; None is the one without a generation
    """

    text: str
    until: TimeCutoff | OffsetCutoff | GroupCutoff
    generation: str | None = None
