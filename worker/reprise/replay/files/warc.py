"""Read WARC files (ISO 28500) of crawlers, and WET files, which have the plain text of pages.

Articles are the records of pages: responses with an HTML page and a status of success, resources with an HTML page,
and conversions to plain text. The other records, such as requests, images and redirections, are left out.
"""

import io
from typing import Any, Final

from reprise.replay.files.entries import DamagedFile, Entries, encode
from reprise.replay.files.html_pages import decode_page
from reprise.replay.files.opening import InputFile
from reprise.replay.files.page_head import read_head

_PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_TEXT_TYPE: Final = "text/plain"


def read_warc(file: InputFile, max_bytes: int) -> Entries:
    """Yield the pages of a WARC file. The number of a value is that of its record, from 1.

    Raises DamagedFile if the file ends within a record, after the articles before.
    """
    from fastwarc.warc import ArchiveIterator, WarcRecordType  # noqa: PLC0415  # needed for archives alone

    wanted = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
    stream = _ForwardStream(file.content)
    records = ArchiveIterator(stream, parse_http=True, auto_decode="all", fsspec_args=False)
    least_bytes = 0
    for number, record in enumerate(records, start=1):
        least_bytes = record.stream_pos + _least_size(record, number)
        if not record.record_type & wanted:
            continue
        if record.record_type == WarcRecordType.conversion:
            fields = _read_text(record, max_bytes)
        elif _is_page(record):
            fields = _read_page(record, max_bytes)
        else:
            continue
        yield number, encode(fields, max_bytes)
    if stream.tell() < least_bytes:  # FastWARC takes the end of the file for that of the record
        raise DamagedFile("the file ends within a record")


def _least_size(record: Any, number: int) -> int:
    """Return the bytes of a record, at least: the lines of its header without spaces, and its content.

    Raises DamagedFile without a length, which each record must have.
    """
    header = sum(len(name) + len(value) + len(":\r\n") for name, value in record.headers.to_tuples())
    length = (record.headers.get("Content-Length") or "").strip()
    if not (length.isascii() and length.isdecimal()):
        raise DamagedFile(f"record {number} has no Content-Length: the file ends within a record, or is damaged")
    return header + int(length)


class _ForwardStream:
    """A stream that is only read forward. FastWARC asks for the position of its stream, which a pipe does not have."""

    def __init__(self, content: io.BufferedReader) -> None:
        self._content = content
        self._position = 0

    def read(self, size: int = -1) -> bytes:
        content = self._content.read(size)
        self._position += len(content)
        return content

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if (whence, offset) not in {(io.SEEK_SET, self._position), (io.SEEK_CUR, 0)}:
            raise io.UnsupportedOperation("seek")
        return self._position

    def close(self) -> None:
        """Leave the stream open: the caller closes it."""


def _is_page(record: Any) -> bool:
    if not record.is_http:
        return _media_type(record.headers.get("Content-Type")) in _PAGE_TYPES
    status = record.http_headers.status_code
    return status is not None and 200 <= status < 300 and _media_type(record.http_content_type) in _PAGE_TYPES


def _read_page(record: Any, max_bytes: int) -> dict[str, Any]:
    html = decode_page(record.reader.read(max_bytes + 1), record.http_charset if record.is_http else None)
    return read_head(html) | _record_fields(record) | {"html": html}


def _read_text(record: Any, max_bytes: int) -> dict[str, Any]:
    text = record.reader.read(max_bytes + 1).decode("utf-8", "replace")
    return _record_fields(record) | {"text": text}


def _record_fields(record: Any) -> dict[str, Any]:
    """Return the address of the page and the time of the crawl."""
    address = record.headers.get("WARC-Target-URI")
    # WARC 0.17 and some tools write the address in angle brackets.
    fields = {"url": address.strip("<>") if address else None, "crawled_at": record.headers.get("WARC-Date")}
    return {name: value for name, value in fields.items() if value}


def _media_type(content_type: str | None) -> str:
    return (content_type or "").partition(";")[0].strip().lower()
