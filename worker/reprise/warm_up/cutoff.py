"""The cutoff of a warm-up: a time, an offset of each partition, or the last offsets that another group commits.

The phase of a message depends on its position, its timestamp and the other group's committed offsets alone, so that a
restart, or another worker of the group, ends the warm-up at the same message.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

from reprise.model import CorruptRecord, Message

#: Seconds that the other group must have been without members: a worker that restarts rejoins sooner.
SETTLED_SECONDS: Final = 10.0

ConsumedRecord = Message | CorruptRecord


class WarmUpPhase(Enum):
    """Handling of a message: learned without publishing, held back, or processed as usual."""

    LEARN = auto()
    WAIT = auto()
    LIVE = auto()


class Cutoff(Protocol):
    """The end of a warm-up."""

    def phase(self, message: ConsumedRecord) -> WarmUpPhase:
        """Return the phase of a message, as of the last refresh."""

    def refresh(self) -> None:
        """Read the cutoff again, if it can move. Raises Unreachable, Fatal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeCutoff:
    """Learn messages with a timestamp before `at_ms`. A corrupt record has no timestamp and is live."""

    at_ms: int

    def phase(self, message: ConsumedRecord) -> WarmUpPhase:
        """See Cutoff."""
        timestamp_ms = message.timestamp_ms if isinstance(message, Message) else None
        return WarmUpPhase.LEARN if timestamp_ms is not None and timestamp_ms < self.at_ms else WarmUpPhase.LIVE

    def refresh(self) -> None:
        """See Cutoff; this one is fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetCutoff:
    """Learn messages below an offset of each partition; none of a partition that has no entry."""

    offsets: Mapping[int, int]

    def phase(self, message: ConsumedRecord) -> WarmUpPhase:
        """See Cutoff."""
        is_before = message.offset < self.offsets.get(message.partition, 0)
        return WarmUpPhase.LEARN if is_before else WarmUpPhase.LIVE

    def refresh(self) -> None:
        """See Cutoff; this one is fixed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCutoff:
    """The id of the consumer group to take over from; `GroupHandoverCutoff` is built from it."""

    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupState:
    """Another consumer group: its number of members, and its committed offsets, read after the members."""

    members: int
    offsets: Mapping[int, int]


class GroupHandoverCutoff:
    """Learn what another group committed; hold the rest back until the group has no members and cannot commit more."""

    def __init__(self, read_state: Callable[[], GroupState], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the group's state. Raises what `read_state` raises: Unreachable, Fatal."""
        self._read_state = read_state
        self._monotonic = monotonic
        self._empty_since: float | None = None
        self._is_settled = False
        self.refresh()

    def phase(self, message: ConsumedRecord) -> WarmUpPhase:
        """See Cutoff."""
        if message.offset < self._state.offsets.get(message.partition, 0):
            return WarmUpPhase.LEARN
        return WarmUpPhase.LIVE if self._is_settled else WarmUpPhase.WAIT

    def refresh(self) -> None:
        """See Cutoff."""
        if self._is_settled:
            return
        self._state = self._read_state()
        if self._state.members:
            self._empty_since = None
            return
        now = self._monotonic()
        self._empty_since = now if self._empty_since is None else self._empty_since
        self._is_settled = now - self._empty_since >= SETTLED_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUpOptions:
    """The warm-up that the command line requests.

    text        the value of the command-line option
    generation  generation of the index to learn from; None is the index without a generation
    """

    text: str
    until: TimeCutoff | OffsetCutoff | GroupCutoff
    generation: str | None = None
