"""A message that cannot be read -> the record that keeps it, and says why and where it was.

May live here: what a dead letter carries. The original goes along unchanged, so that it can be sent again as it was.
"""

from typing import Final

from reprise.messages.timestamps import rfc3339
from reprise.model import CorruptRecord, DeadLetterReason, Message, OutputRecord

#: All headers that a dead letter adds begin with this; a message that was dead before gets them anew.
PREFIX: Final = "reprise-dead-"

#: A value of DeadLetterReason.
REASON: Final = PREFIX + "reason"
#: One line for people.
DETAIL: Final = PREFIX + "detail"
#: Where the message was: with the two below, its one address.
TOPIC: Final = PREFIX + "topic"
PARTITION: Final = PREFIX + "partition"
OFFSET: Final = PREFIX + "offset"
#: When it was given up: RFC 3339, UTC, with milliseconds.
TIME: Final = PREFIX + "time"
#: "message" where the original goes along, "notice" where it does not.
FORM: Final = PREFIX + "form"
#: How often the message was sent back to be read again; whoever sends it back counts. Kept through the next failure.
ATTEMPTS: Final = PREFIX + "attempts"

_REPLACED: Final = frozenset({REASON, DETAIL, TOPIC, PARTITION, OFFSET, TIME, FORM})

#: Characters of a detail: a header is for a line, and a notice must be small enough for any topic.
_MAX_DETAIL_CHARACTERS: Final = 500


def dead_letter(
    topic: str, message: Message | CorruptRecord, reason: DeadLetterReason, detail: str, now: float
) -> OutputRecord:
    """Keep a message with its bytes, key and headers; of an unreadable position there is only a notice.

    topic  of the dead letters
    now    seconds since the epoch
    """
    if isinstance(message, CorruptRecord):
        return notice(topic, message, reason, detail, now)
    kept = tuple((name, value) for name, value in message.headers if name not in _REPLACED)
    return OutputRecord(
        topic=topic,
        key=message.key,
        value=message.value,
        headers=(*kept, *_headers(message, reason, detail, now, form="message")),
    )


def notice(
    topic: str, message: Message | CorruptRecord, reason: DeadLetterReason, detail: str, now: float
) -> OutputRecord:
    """Point at a message that cannot be kept, unreadable or too large for the topic: headers alone."""
    return OutputRecord(
        topic=topic, key=None, value=None, headers=_headers(message, reason, detail, now, form="notice")
    )


def _headers(
    message: Message | CorruptRecord, reason: DeadLetterReason, detail: str, now: float, *, form: str
) -> tuple[tuple[str, bytes], ...]:
    values = {
        REASON: reason.value,
        DETAIL: " ".join(detail.split())[:_MAX_DETAIL_CHARACTERS],
        TOPIC: message.topic,
        PARTITION: str(message.partition),
        OFFSET: str(message.offset),
        TIME: rfc3339(round(now * 1_000_000) // 1000),
        FORM: form,
    }
    # A client's error text may hold what has no UTF-8 form; a dead letter must never fail for that.
    return tuple((name, value.encode(errors="replace")) for name, value in values.items())
