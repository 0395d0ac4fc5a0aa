"""Find the kind of a file: by its suffix, else by its first bytes."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from reprise.replay.files import delimited, feeds, html_pages, json_values, parquet, warc
from reprise.replay.files.entries import DamagedFile, Entries
from reprise.replay.files.opening import InputFile, base_name

#: Read the values of a file. Of a longer value only one byte more than the maximum is kept.
Reader = Callable[[InputFile, int], Entries]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """A kind of file.

    suffixes  of the file name, without the suffix of a compression
    start     regular expression of the first bytes, after a byte order mark and white space
    requires  package that the reader needs, and the extra of Reprise that installs it
    """

    name: str
    suffixes: tuple[str, ...]
    read: Reader
    start: re.Pattern[bytes] | None = None
    requires: tuple[str, str] | None = None


#: Declarations and comments before the first element of XML or HTML; possessive, so that no part is matched twice.
_PROLOG: Final = rb"(?>(?><\?[^>]*>|<!--.*?-->|<!doctype\s+(?!html)[^>]*>)\s*)*+"

JSON_LINES: Final = FileKind(
    name="JSON lines", suffixes=(".jsonl", ".ndjson"), read=json_values.read_lines, start=re.compile(rb"\{")
)

#: The kinds, in the order in which their first bytes are compared.
KINDS: Final = (
    JSON_LINES,
    FileKind(name="JSON", suffixes=(".json",), read=json_values.read_json),
    FileKind(name="WARC", suffixes=(".warc", ".wet"), read=warc.read_warc, start=re.compile(rb"WARC/\d")),
    FileKind(
        name="Parquet",
        suffixes=(".parquet", ".pq"),
        read=parquet.read_parquet,
        start=re.compile(rb"PAR1"),
        requires=("pyarrow", "parquet"),
    ),
    FileKind(name="CSV", suffixes=(".csv",), read=delimited.read_csv),
    FileKind(name="TSV", suffixes=(".tsv", ".tab"), read=delimited.read_tsv),
    FileKind(
        name="RSS or Atom",
        suffixes=(".rss", ".atom", ".rdf"),
        read=feeds.read_feed,
        start=re.compile(_PROLOG + rb"<(?:rss|feed|rdf:RDF|atom:feed)\b", re.DOTALL | re.IGNORECASE),
    ),
    FileKind(
        name="HTML",
        suffixes=(".html", ".htm", ".xhtml", ".shtml"),
        read=html_pages.read_page,
        start=re.compile(_PROLOG + rb"<(?:!doctype\s+html|html|head|body)\b", re.DOTALL | re.IGNORECASE),
    ),
)

_BEFORE_START: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*")


def kind_of_name(path: str) -> FileKind | None:
    """Return the kind that the suffix of a file names."""
    suffix = PurePath(base_name(path)).suffix
    return next((kind for kind in KINDS if suffix in kind.suffixes), None)


def kind_of_start(head: bytes) -> FileKind | None:
    """Return the kind that the first bytes of a file show."""
    skipped = _BEFORE_START.match(head)
    start = head[skipped.end() :] if skipped else head
    return next((kind for kind in KINDS if kind.start is not None and kind.start.match(start)), None)


def read_entries(file: InputFile, max_bytes: int) -> Entries:
    """Yield the values of a file with their numbers, from 1. Raises DamagedFile, OSError and the errors of codecs.

    A file of unknown kind is read as JSON lines.
    """
    kind = kind_of_name(file.path) or kind_of_start(file.head) or JSON_LINES
    if kind is JSON_LINES and base_name(file.path).endswith(".xml"):
        raise DamagedFile("the XML file is neither an RSS nor an Atom feed")
    return kind.read(file, max_bytes)
