"""Read WARC files (ISO 28500) of crawlers, and WET files, which have the plain text of pages.

Articles are the records of pages: responses with an HTML page and a status of success, resources with an HTML page,
and conversions to plain text. The other records, such as requests, images and redirections, are left out.
"""

from typing import Any, Final

from reprise.replay.files.entries import Entries, encode
from reprise.replay.files.html_pages import decode_page
from reprise.replay.files.opening import InputFile
from reprise.replay.files.page_head import read_head

_PAGE_TYPES: Final = frozenset({"text/html", "application/xhtml+xml"})
_TEXT_TYPE: Final = "text/plain"


def read_warc(file: InputFile, max_bytes: int) -> Entries:
    """Yield the pages of a WARC file. The number of a value is that of its record, from 1."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType  # noqa: PLC0415  # needed for archives alone

    wanted = WarcRecordType.response | WarcRecordType.resource | WarcRecordType.conversion
    # FastWARC decompresses files itself, also those of zstd with a dictionary.
    stream = file.path if file.is_regular else file.content
    records = ArchiveIterator(stream, parse_http=True, auto_decode="all", fsspec_args=False)
    for number, record in enumerate(records, start=1):
        if not record.record_type & wanted:
            continue
        if record.record_type == WarcRecordType.conversion:
            fields = _read_text(record, max_bytes)
        elif _is_page(record):
            fields = _read_page(record, max_bytes)
        else:
            continue
        yield number, encode(fields, max_bytes)


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
