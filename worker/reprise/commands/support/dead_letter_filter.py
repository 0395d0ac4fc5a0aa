"""Options that select dead letters: by reason, time, number and position."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import click

from reprise.messages.dead_letters import DeadLetter, RecordPosition
from reprise.messages.timestamps import parse_time
from reprise.model import DeadLetterReason

_POSITION: Final = re.compile(r"(.{1,249})-([0-9]{1,9})@([0-9]{1,18})")

_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")

#: Milliseconds of a unit of time.
_UNITS_MS: Final[Mapping[str, int]] = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class PositionType(click.ParamType[RecordPosition]):
    """A position of a record: TOPIC-PARTITION@OFFSET, as `reprise dead list` prints it."""

    name = "position"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> RecordPosition:
        """Parse a position."""
        if isinstance(value, RecordPosition):
            return value
        match = _POSITION.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} is no position; expected TOPIC-PARTITION@OFFSET, such as articles.dead-0@17", param)
        return RecordPosition(topic=match[1], partition=int(match[2]), offset=int(match[3]))


class SinceType(click.ParamType[int]):
    """A time, as a timestamp or as a duration before now; the value is in milliseconds since the epoch."""

    name = "since"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Parse a time."""
        if isinstance(value, int):
            return value
        if match := _DURATION.fullmatch(value):
            return round(time.time() * 1000) - int(match[1]) * _UNITS_MS[match[2]]
        parsed = parse_time(value)
        if parsed is None:
            self.fail(f"{value!r} is no time; expected a time such as 2026-11-21T08:00:00Z, or 90s, 15m, 6h, 7d", param)
        return parsed


reason_option = click.option(
    "--reason",
    "reasons",
    metavar="REASON",
    type=click.Choice([reason.value for reason in DeadLetterReason]),
    multiple=True,
    help="Only dead letters with this reason, such as not_json; may be given several times.",
)
since_option = click.option(
    "--since",
    "since_ms",
    metavar="TIME",
    type=SinceType(),
    help="Only messages that were rejected since this time: a time in RFC 3339, or a duration before now: 15m, 6h, 7d.",
)
limit_option = click.option(
    "--limit", metavar="N", type=click.IntRange(1), help="At most N dead letters, in the order of the topic."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterFilter:
    """The selected dead letters; an empty collection or None selects all."""

    reasons: tuple[str, ...] = ()
    since_ms: int | None = None
    positions: frozenset[RecordPosition] = frozenset()

    def selects(self, letter: DeadLetter) -> bool:
        """Return whether a dead letter is selected. One without a readable time is of any time."""
        time_ms = parse_time(letter.time)
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.since_ms is None or time_ms is None or time_ms >= self.since_ms)
            and (not self.positions or letter.position in self.positions)
        )
