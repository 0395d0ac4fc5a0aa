"""A dead letter read back: what it says of itself, the copy that returns to its topic, and the marker that says so.

The other end of reprise/dead_letters.py. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reprise.messages import dead_letters
from reprise.model import Message, OutputRecord

#: On a marker: the offset of the letter that went back, in the marker's own partition.
REDRIVEN: Final = dead_letters.PREFIX + "redriven"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPosition:
    """One position of the log."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}@{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead letter as its headers tell it.

    place     where the letter is
    origin    where the message was that it keeps, or points at
    time      when it was given up: RFC 3339
    attempts  how often the message was sent back before
    """

    place: RecordPosition
    origin: RecordPosition
    reason: str
    detail: str
    time: str
    attempts: int
    message: Message

    @property
    def keeps_its_message(self) -> bool:
        """Whether the original goes along; a notice only points at it, and nothing can be sent back."""
        return _header(self.message, dead_letters.FORM) == "message"


def parse_dead_letter(message: Message) -> DeadLetter | None:
    """Read a record of the dead letters' topic; None where it is a marker, or somebody else's."""
    headers = {name: value.decode(errors="replace") for name, value in message.headers}
    try:
        return DeadLetter(
            place=RecordPosition(topic=message.topic, partition=message.partition, offset=message.offset),
            origin=RecordPosition(
                topic=headers[dead_letters.TOPIC],
                partition=int(headers[dead_letters.PARTITION]),
                offset=int(headers[dead_letters.OFFSET]),
            ),
            reason=headers[dead_letters.REASON],
            detail=headers.get(dead_letters.DETAIL, ""),
            time=headers.get(dead_letters.TIME, ""),
            attempts=int(headers.get(dead_letters.ATTEMPTS, "0")),
            message=message,
        )
    except (KeyError, ValueError):
        return None


def redriven_offsets(messages: Iterable[Message]) -> Mapping[tuple[str, int], set[int]]:
    """Collect from a topic's records the offsets of the letters that went back already, by topic and partition."""
    found: dict[tuple[str, int], set[int]] = {}
    for message in messages:
        offset = _header(message, REDRIVEN)
        if offset is not None and offset.isdecimal():
            found.setdefault((message.topic, message.partition), set()).add(int(offset))
    return found


def redrive_record(letter: DeadLetter) -> OutputRecord:
    """Make the copy for the topic the message came from: as it was, and one attempt more in its headers."""
    own = [(name, value) for name, value in letter.message.headers if not name.startswith(dead_letters.PREFIX)]
    attempts = (dead_letters.ATTEMPTS, b"%d" % (letter.attempts + 1))
    return OutputRecord(
        topic=letter.origin.topic, key=letter.message.key, value=letter.message.value, headers=(*own, attempts)
    )


def redrive_marker(letter: DeadLetter) -> OutputRecord:
    """Make the record that says, in the letter's own partition, that it went back."""
    return OutputRecord(
        topic=letter.place.topic, key=None, value=None, headers=((REDRIVEN, b"%d" % letter.place.offset),)
    )


def _header(message: Message, name: str) -> str | None:
    return next((value.decode(errors="replace") for each, value in message.headers if each == name), None)
