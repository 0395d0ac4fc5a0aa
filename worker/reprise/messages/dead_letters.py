"""Write and read dead letters, and make the records that redrive them.

A dead letter keeps the key, value and headers of a rejected message and adds headers with the reason and the origin. A
notice has headers alone: it points at a message that could not be read or is too large. A redrive sends a copy of the
message back to its topic and writes a marker into the partition of the dead letter. Headers with the names of Kafka
Connect may repeat the reason and the origin, for tools that read the dead letters of connectors. This module is pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reprise.messages.timestamps import format_rfc3339
from reprise.model import CorruptRecord, Message, OutputRecord, Rejection

#: Prefix of every header that a dead letter adds.
PREFIX: Final = "reprise-dead-"

#: A value of DeadLetterReason.
REASON: Final = PREFIX + "reason"
#: One line that explains the reason to an operator.
DETAIL: Final = PREFIX + "detail"
#: Topic, partition and offset of the rejected message.
TOPIC: Final = PREFIX + "topic"
PARTITION: Final = PREFIX + "partition"
OFFSET: Final = PREFIX + "offset"
#: Time of the rejection: RFC 3339, UTC, with milliseconds.
TIME: Final = PREFIX + "time"
#: "message" if the dead letter keeps the message, "notice" if it has headers alone.
FORM: Final = PREFIX + "form"
#: How many times the message was redriven. Each redrive adds one; a later rejection keeps the number.
ATTEMPTS: Final = PREFIX + "attempts"
#: In a marker: the offset of the redriven dead letter, in the same partition as the marker.
REDRIVEN: Final = PREFIX + "redriven"

#: Headers that a new rejection replaces.
_REPLACED: Final = frozenset({REASON, DETAIL, TOPIC, PARTITION, OFFSET, TIME, FORM})

#: Prefix of the headers with the names of Kafka Connect (KIP-298).
CONNECT_PREFIX: Final = "__connect.errors."

#: Header with the name of the connector, and the name that stands for this worker.
_CONNECTOR: Final = CONNECT_PREFIX + "connector.name"
_CONNECTOR_NAME: Final = b"reprise"

#: Maximum length of the detail in characters: it keeps a notice small enough for any topic.
_MAX_DETAIL_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPosition:
    """Topic, partition and offset of one record."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}@{self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A dead letter as it was read from its topic.

    position  position of the dead letter itself
    origin    position of the rejected message
    time      time of the rejection: RFC 3339
    attempts  how many times the message was redriven before
    message   the record of the dead letter
    """

    position: RecordPosition
    origin: RecordPosition
    reason: str
    detail: str
    time: str
    attempts: int
    message: Message

    @property
    def has_message(self) -> bool:
        """Whether the dead letter keeps the rejected message. A notice does not, so it cannot be redriven."""
        return _header(self.message, FORM) == "message"


def dead_letter_record(
    topic: str, message: Message | CorruptRecord, rejection: Rejection, now: float, *, connect_headers: bool = False
) -> OutputRecord:
    """Make the dead letter of a message with its key, value and headers; a corrupt record gets a notice.

    topic            the dead-letter topic
    now              seconds since the epoch
    connect_headers  whether headers with the names of Kafka Connect follow; those of the message are replaced
    """
    if isinstance(message, CorruptRecord):
        return notice_record(topic, message, rejection, now, connect_headers=connect_headers)
    added = _headers(message, rejection, now, form="message", connect_headers=connect_headers)
    replaced = _REPLACED | {name for name, _ in added}
    kept = tuple((name, value) for name, value in message.headers if name not in replaced)
    return OutputRecord(topic=topic, key=message.key, value=message.value, headers=(*kept, *added), rejection=rejection)


def notice_record(
    topic: str, message: Message | CorruptRecord, rejection: Rejection, now: float, *, connect_headers: bool = False
) -> OutputRecord:
    """Make a dead letter of headers alone, for a message that is corrupt or too large for the dead-letter topic."""
    headers = _headers(message, rejection, now, form="notice", connect_headers=connect_headers)
    return OutputRecord(topic=topic, key=None, value=None, headers=headers, rejection=rejection)


def parse_dead_letter(message: Message) -> DeadLetter | None:
    """Read a record of the dead-letter topic; return None for a marker and for a record of another producer."""
    headers = {name: value.decode(errors="replace") for name, value in message.headers}
    try:
        return DeadLetter(
            position=RecordPosition(topic=message.topic, partition=message.partition, offset=message.offset),
            origin=RecordPosition(topic=headers[TOPIC], partition=int(headers[PARTITION]), offset=int(headers[OFFSET])),
            reason=headers[REASON],
            detail=headers.get(DETAIL, ""),
            time=headers.get(TIME, ""),
            attempts=int(headers.get(ATTEMPTS, "0")),
            message=message,
        )
    except (KeyError, ValueError):
        return None


def redriven_offsets(messages: Iterable[Message]) -> Mapping[tuple[str, int], set[int]]:
    """Collect the offsets of redriven dead letters from the markers in a topic, by topic and partition."""
    offsets: dict[tuple[str, int], set[int]] = {}
    for message in messages:
        offset = _header(message, REDRIVEN)
        if offset is not None and offset.isdecimal():
            offsets.setdefault((message.topic, message.partition), set()).add(int(offset))
    return offsets


def redrive_record(letter: DeadLetter) -> OutputRecord:
    """Make the copy for the topic of origin: the message without the dead letter's headers, and one attempt more."""
    removed = (PREFIX, CONNECT_PREFIX) if (_CONNECTOR, _CONNECTOR_NAME) in letter.message.headers else (PREFIX,)
    original = [(name, value) for name, value in letter.message.headers if not name.startswith(removed)]
    attempts = (ATTEMPTS, b"%d" % (letter.attempts + 1))
    return OutputRecord(
        topic=letter.origin.topic, key=letter.message.key, value=letter.message.value, headers=(*original, attempts)
    )


def redrive_marker(letter: DeadLetter) -> OutputRecord:
    """Make the marker that records, in the partition of the dead letter, that it was redriven."""
    return OutputRecord(
        topic=letter.position.topic, key=None, value=None, headers=((REDRIVEN, b"%d" % letter.position.offset),)
    )


def _headers(
    message: Message | CorruptRecord, rejection: Rejection, now: float, *, form: str, connect_headers: bool
) -> tuple[tuple[str, bytes], ...]:
    detail = " ".join(rejection.detail.split())[:_MAX_DETAIL_CHARACTERS]
    values = {
        REASON: rejection.reason.value,
        DETAIL: detail,
        TOPIC: message.topic,
        PARTITION: str(message.partition),
        OFFSET: str(message.offset),
        TIME: format_rfc3339(round(now * 1_000_000) // 1000),
        FORM: form,
    }
    if connect_headers:
        values |= {
            CONNECT_PREFIX + "topic": message.topic,
            CONNECT_PREFIX + "partition": str(message.partition),
            CONNECT_PREFIX + "offset": str(message.offset),
            _CONNECTOR: _CONNECTOR_NAME.decode(),
            CONNECT_PREFIX + "task.id": "0",
            CONNECT_PREFIX + "stage": "VALUE_CONVERTER",
            CONNECT_PREFIX + "exception.class.name": rejection.reason.value,
            CONNECT_PREFIX + "exception.message": detail,
        }
    # An error text of a client may hold lone surrogates. Writing a dead letter must not fail because of them.
    return tuple((name, value.encode(errors="replace")) for name, value in values.items())


def _header(message: Message, name: str) -> str | None:
    """Return the first value of a header as text, or None."""
    return next((value.decode(errors="replace") for key, value in message.headers if key == name), None)
