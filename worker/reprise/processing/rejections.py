"""The latest rejected messages of this worker, for the error of an open circuit breaker.

The committed state of the circuit breaker holds only whether each message was rejected. This history is in memory:
after a restart it begins with the first batch, which holds the messages that opened the circuit.
"""

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import orjson

from reprise.model import CorruptRecord, DeadLetterReason, Message, RejectionCount
from reprise.processing.batch import Entry, Rejected
from reprise.sanitize import one_line

#: Bytes of a message at most whose fields are listed: parsing a larger one would delay the batch.
_MAX_PARSED_BYTES: Final = 262_144

#: Fields of a message at most: their names fit on a line of the log.
_MAX_FIELDS: Final = 20

#: Names of fields that are listed. A name of another form may be text of an article, which no log holds.
_FIELD_NAME: Final = re.compile(r"[A-Za-z_@$][A-Za-z0-9_.$@:-]{0,39}")

#: Characters of a rejection's detail at most.
_MAX_DETAIL_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """A rejected message. `number` counts the messages of this worker."""

    number: int
    reason: DeadLetterReason
    position: str
    detail: str
    fields: tuple[str, ...]


class RejectionHistory:
    """Remembers the rejected ones of the last `window` messages."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._number = 0
        self._entries: deque[_Entry] = deque()

    def add(self, entries: Sequence[Entry]) -> None:
        """Add the messages of a batch, in order."""
        for entry in entries:
            self._number += 1
            if isinstance(entry, Rejected):
                self._entries.append(_to_entry(self._number, entry))
        while self._entries and self._entries[0].number <= self._number - self._window:
            self._entries.popleft()

    def count_reasons(self) -> Sequence[RejectionCount]:
        """Return the reasons of the remembered messages, the commonest first."""
        by_reason: dict[DeadLetterReason, list[_Entry]] = {}
        for entry in self._entries:
            by_reason.setdefault(entry.reason, []).append(entry)
        counts = [
            RejectionCount(
                reason=reason,
                count=len(entries),
                first=entries[0].position,
                detail=entries[0].detail,
                fields=entries[0].fields,
            )
            for reason, entries in by_reason.items()
        ]
        return sorted(counts, key=lambda each: -each.count)


def _to_entry(number: int, rejected: Rejected) -> _Entry:
    message = rejected.message
    return _Entry(
        number=number,
        reason=rejected.rejection.reason,
        position=f"{message.topic}-{message.partition}@{message.offset}",
        detail=one_line(rejected.rejection.detail, _MAX_DETAIL_CHARACTERS),
        fields=_field_names(message),
    )


def _field_names(message: Message | CorruptRecord) -> tuple[str, ...]:
    """Return the names of the fields of a JSON object, without their values; none if the message is no JSON object."""
    if isinstance(message, CorruptRecord) or message.value is None or len(message.value) > _MAX_PARSED_BYTES:
        return ()
    try:
        parsed = orjson.loads(message.value)
    except orjson.JSONDecodeError:
        return ()
    names = filter(_FIELD_NAME.fullmatch, parsed) if isinstance(parsed, dict) else ()
    return tuple(islice(names, _MAX_FIELDS))
