"""Lines and JSON objects that `reprise dead` prints."""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reprise.messages.dead_letters import DeadLetter, RecordPosition
from reprise.messages.timestamps import format_rfc3339
from reprise.model import Message
from reprise.sanitize import make_printable, one_line

#: Characters of a detail on its line, which then fits on a wide terminal.
_MAX_DETAIL_CHARACTERS: Final = 120

#: Characters of a header's value on its line.
_MAX_HEADER_CHARACTERS: Final = 500

#: Characters of a body in a terminal; the option --output writes all of it.
_MAX_BODY_CHARACTERS: Final = 4000


#: Different details that are counted per reason. A detail may have a number of its message, such as its size.
_MAX_COUNTED_DETAILS: Final = 1000

#: Details that are printed per reason.
_MAX_PRINTED_DETAILS: Final = 3


@dataclass(slots=True)
class _Group:
    """The dead letters of one reason. `positions` has the first position of each counted detail."""

    first_time: str
    last_time: str
    details: Counter[str] = field(default_factory=Counter)
    positions: dict[str, RecordPosition] = field(default_factory=dict)


class LetterGroups:
    """Counts dead letters by reason and detail."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._groups: dict[str, _Group] = {}

    def add(self, letter: DeadLetter) -> None:
        """Count a dead letter."""
        self.counts[letter.reason] += 1
        group = self._groups.setdefault(letter.reason, _Group(letter.time, letter.time))
        group.first_time = min(group.first_time, letter.time)
        group.last_time = max(group.last_time, letter.time)
        if letter.detail in group.details or len(group.details) < _MAX_COUNTED_DETAILS:
            group.details[letter.detail] += 1
            group.positions.setdefault(letter.detail, letter.position)

    def lines(self) -> Iterator[str]:
        """Yield a line for each reason, the most frequent first, and a line for each of its frequent details."""
        for reason, count in self.counts.most_common():
            group = self._groups[reason]
            times = group.first_time if count == 1 else f"{group.first_time} to {group.last_time}"
            yield f"{count:>7,} {one_line(reason, _MAX_DETAIL_CHARACTERS)}, {times}"
            for detail, number in group.details.most_common(_MAX_PRINTED_DETAILS):
                yield f"        {number:,}, first {group.positions[detail]}: {one_line(detail, _MAX_HEADER_CHARACTERS)}"
            if (others := len(group.details) - _MAX_PRINTED_DETAILS) > 0:
                yield f"        and {others:,} other details"

    def to_json(self) -> Iterator[Mapping[str, Any]]:
        """Yield the object of each reason, the most frequent first."""
        for reason, count in self.counts.most_common():
            group = self._groups[reason]
            yield {
                "reason": reason,
                "count": count,
                "first_time": group.first_time,
                "last_time": group.last_time,
                "details": [
                    {"detail": detail, "count": number, "first": position_json(group.positions[detail])}
                    for detail, number in group.details.most_common(_MAX_PRINTED_DETAILS)
                ],
            }


def letter_line(letter: DeadLetter, is_redriven: bool) -> str:
    """Return the line of a dead letter in a list."""
    columns = (letter.position, letter.reason, letter.time, f"from {letter.origin}", f"attempts {letter.attempts}")
    mark = ("redriven",) if is_redriven else ()
    return "  ".join(map(str, (*columns, *mark, one_line(letter.detail, _MAX_DETAIL_CHARACTERS))))


def letter_json(letter: DeadLetter, is_redriven: bool) -> Mapping[str, Any]:
    """Return the object of a dead letter in a list."""
    return {
        **position_json(letter.position),
        "reason": letter.reason,
        "detail": letter.detail,
        "time": letter.time,
        "origin": position_json(letter.origin),
        "attempts": letter.attempts,
        "has_message": letter.has_message,
        "redriven": is_redriven,
    }


def position_json(position: RecordPosition) -> Mapping[str, Any]:
    """Return the object of a position."""
    return {"topic": position.topic, "partition": position.partition, "offset": position.offset}


def counts_line(title: str, counts: Counter[str]) -> str:
    """Return a total and the numbers by reason."""
    by_reason = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    return f"{title}: {counts.total()}" + (f" ({by_reason})" if by_reason else "")


def record_lines(message: Message, letter: DeadLetter | None, *, with_body: bool = True) -> Iterator[str]:
    """Yield the description of one record, with its body up to a maximum length.

    letter  the record as a dead letter; None for any other record
    """
    yield f"position: {message.topic}-{message.partition}@{message.offset}"
    if message.timestamp_ms is not None:
        yield f"timestamp: {format_rfc3339(message.timestamp_ms)}"
    if letter is not None:
        yield f"reason: {one_line(letter.reason, _MAX_DETAIL_CHARACTERS)}"
        yield f"detail: {one_line(letter.detail, _MAX_HEADER_CHARACTERS)}"
        yield f"origin: {letter.origin}"
    for name, value in message.headers:
        yield f"header {one_line(name, _MAX_DETAIL_CHARACTERS)}: {one_line(_text(value), _MAX_HEADER_CHARACTERS)}"
    yield "key: " + ("none" if message.key is None else one_line(_text(message.key), _MAX_HEADER_CHARACTERS))
    if message.value is None:
        yield "body: none"
        return
    yield f"body: {len(message.value)} bytes"
    if not with_body:
        return
    body = make_printable(_text(message.value))
    yield body[:_MAX_BODY_CHARACTERS]
    if len(body) > _MAX_BODY_CHARACTERS:
        yield f"... {len(body) - _MAX_BODY_CHARACTERS} characters more; --output FILE writes the whole body"


def record_json(message: Message, letter: DeadLetter | None) -> Mapping[str, Any]:
    """Return the object of one record. Bytes that are not UTF-8 are in base64, in a field of another name."""
    return {
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "timestamp": None if message.timestamp_ms is None else format_rfc3339(message.timestamp_ms),
        "dead_letter": letter
        and {"reason": letter.reason, "detail": letter.detail, "origin": position_json(letter.origin)},
        "headers": [{"name": name, **_bytes_json("value", value)} for name, value in message.headers],
        **_bytes_json("key", message.key),
        **_bytes_json("body", message.value),
    }


def _text(value: bytes) -> str:
    return value.decode("utf-8", errors="backslashreplace")


def _bytes_json(name: str, value: bytes | None) -> Mapping[str, str | None]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{name}_base64": b64encode(value).decode()}
