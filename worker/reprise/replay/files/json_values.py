"""Read JSON lines, and files of one JSON value."""

from collections.abc import Iterator
from typing import BinaryIO, Final

import orjson

from reprise.messages.body import BYTE_ORDER_MARK
from reprise.replay.files.entries import Entries
from reprise.replay.files.opening import InputFile, open_input

#: Bytes of a file that holds one JSON value at most, decompressed: it is parsed in memory. A larger one is read as
#: lines.
_MAX_JSON_BYTES: Final = 268_435_456


def read_lines(file: InputFile, max_bytes: int) -> Entries:
    """Yield the lines that are not blank, without line ends. The number of a value is that of its line."""
    yield from _lines(file.content, max_bytes)


def read_json(file: InputFile, max_bytes: int) -> Entries:
    """Yield the items of a JSON array, or one JSON object; the lines of a file that is no single JSON value."""
    if not file.is_regular:  # a pipe cannot be read twice
        yield from _lines(file.content, max_bytes)
        return
    content = file.content.read(_MAX_JSON_BYTES + 1)
    try:
        parsed = orjson.loads(content.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:  # lines, or a file that is too large
        del content
        with open_input(file.path) as again:
            yield from _lines(again.content, max_bytes)
        return
    for number, value in enumerate(parsed if isinstance(parsed, list) else [parsed], start=1):
        yield number, orjson.dumps(value)[: max_bytes + 1]


def _lines(content: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers and without line ends.

    Of a longer line the first max_bytes + 1 bytes are kept. The rest is read in pieces, so that an endless line takes
    no more memory.
    """
    number = 0
    while line := content.readline(max_bytes + 1):
        number += 1
        rest = line
        while len(rest) > max_bytes and not rest.endswith(b"\n"):
            rest = content.readline(max_bytes + 1)
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield number, line
