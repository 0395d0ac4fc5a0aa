"""The values that a reader of files yields, and the errors of a file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import orjson

from reprise.errors import RepriseError
from reprise.messages.plain_json import encode_plain


@dataclass(frozen=True, slots=True)
class UnreadableEntry:
    """A part of a file that cannot be read, while the parts after it can. `detail` is the reason."""

    detail: str


#: A value, or the error in its place, after its number in the file, from 1.
Entry: TypeAlias = tuple[int, bytes | UnreadableEntry]
Entries: TypeAlias = Iterator[Entry]


class DamagedFile(RepriseError):
    """A file that cannot be read, or not to its end."""


def encode(fields: Mapping[str, Any], max_bytes: int) -> bytes | UnreadableEntry:
    """Return the fields as JSON.

    Of a longer value only one byte more than `max_bytes` is kept, so that the decoder rejects it.
    """
    try:
        value = encode_plain(fields)
    except orjson.JSONEncodeError as error:
        return UnreadableEntry(f"a value has no form in JSON: {error}")
    return value[: max_bytes + 1]
