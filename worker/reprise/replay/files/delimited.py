"""Read CSV and TSV files with a header: each row is an object whose fields have the names of the columns.

The first line names the columns. Values may be quoted, and a quoted value may have line breaks (RFC 4180).
"""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Final, TextIO

from reprise.replay.files.entries import DamagedFile, Entries, UnreadableEntry
from reprise.replay.files.opening import InputFile

#: Delimiters of CSV files: spreadsheets write ";" where the comma is the decimal mark.
_DELIMITERS: Final = ",;\t|"

#: Characters of a line and of a value, at most: ten times a large page. Beyond it a quotation mark is not closed.
_MAX_CHARACTERS: Final = 67_108_864

_QUOTED: Final = re.compile(r'"[^"]*"')


def read_csv(file: InputFile, max_bytes: int) -> Entries:
    """Yield the rows of a CSV file. The delimiter is the one that the header has most often."""
    yield from _read_rows(file, None, max_bytes)


def read_tsv(file: InputFile, max_bytes: int) -> Entries:
    """Yield the rows of a TSV file."""
    yield from _read_rows(file, "\t", max_bytes)


def _read_rows(file: InputFile, delimiter: str | None, max_bytes: int) -> Entries:
    # The largest value is a setting of the whole module csv.
    csv.field_size_limit(_MAX_CHARACTERS)
    # A byte that is no UTF-8 becomes a lone surrogate, and the same byte again in the value: the decoder rejects it.
    text = io.TextIOWrapper(file.content, encoding=_encoding(file.head), errors="surrogateescape", newline="")
    lines = _lines(text)
    number = 0
    try:
        first = next(lines, None)
        if first is None:
            return
        rows = csv.reader(_prepend(first, lines), delimiter=delimiter or _find_delimiter(first))
        columns = _check_header(next(rows))
        for number, row in enumerate((row for row in rows if row), start=1):
            if len(row) > len(columns):
                problem = f"the row has {len(row)} values for {len(columns)} columns; quote values with the delimiter"
                yield number, UnreadableEntry(problem)
            else:
                yield number, _encode(dict(zip(columns, row, strict=False)))[: max_bytes + 1]
    except csv.Error as error:
        raise DamagedFile(f"row {number + 1}: {error}; is a quotation mark not closed?") from None
    finally:
        text.detach()  # the caller closes the file


def _encoding(head: bytes) -> str:
    """Return the encoding of a byte order mark, else UTF-8: spreadsheets write "Unicode text" as UTF-16."""
    return "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"


def _lines(text: TextIO) -> Iterator[str]:
    while line := text.readline(_MAX_CHARACTERS):
        if len(line) == _MAX_CHARACTERS:
            raise DamagedFile(f"a line has more than {_MAX_CHARACTERS:,} characters")
        yield line


def _prepend(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _find_delimiter(header: str) -> str:
    names = _QUOTED.sub("", header)
    return max(_DELIMITERS, key=names.count)


def _check_header(row: list[str]) -> list[str]:
    columns = [name.strip() for name in row]
    if repeated := sorted({name for name in columns if name and columns.count(name) > 1}):
        raise DamagedFile(f"the header names columns twice: {', '.join(repeated)}")
    return columns


def _encode(fields: Mapping[str, str]) -> bytes:
    named = {name: value for name, value in fields.items() if name}
    return json.dumps(named, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogateescape")
