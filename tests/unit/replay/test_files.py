"""Each kind of file is read as messages. The files are written by the libraries that crawlers use."""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from fastwarc.warc import WarcRecord, WarcRecordType
from pyarrow import parquet

from reprise.errors import BadMessage, Fatal, UsageError
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.messages.formats import FieldMapping
from reprise.model import Article, CorruptRecord, Message
from reprise.replay.file_source import FileSource
from reprise.replay.files.kinds import kind_of_start

URL = "https://paper.example/bridge"
PROSE = (
    "The swing bridge over the harbour will stay closed until spring, the council said on Monday. "
    "Engineers found cracks in two of its bearings during an inspection last week. "
    "Ferries will run every ten minutes between the two shores, and buses will take a longer way. "
    "Das Geländer wird ebenfalls erneuert, teilte die Stadtverwaltung am Montagabend mit."
)
PAGE = (
    f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bridge closed - Paper</title>'
    f'<link rel="canonical" href="{URL}"><meta property="og:title" content="Bridge closed">'
    '<meta property="article:published_time" content="2025-03-11T08:00:00Z"></head>'
    f"<body><nav><a href='/'>Home</a></nav><article><p>{PROSE}</p></article></body></html>"
)
LIMITS = DecoderLimits(message_bytes=100_000, text_characters=50_000)


def read(*paths: Path, max_bytes: int = 100_000) -> Sequence[Message | CorruptRecord]:
    messages: list[Message | CorruptRecord] = []
    source = FileSource([str(path) for path in paths], on_end=lambda: None, batch_max=2, max_line_bytes=max_bytes)
    while batch := source.poll(0.0):
        messages += batch
    source.close()
    return messages


def fields(message: Message | CorruptRecord) -> Any:
    assert isinstance(message, Message)
    return json.loads(message.value or b"")


def decode(message: Message | CorruptRecord, **options: Any) -> Article:
    assert isinstance(message, Message)
    return decode_article(message, LIMITS, mapping=FieldMapping.build(**options))


def write_warc(path: Path) -> None:
    """Write what a crawler writes: warcinfo, request, response, image, redirection, and a page of another encoding."""

    def http(status: str, content_type: str, body: bytes) -> bytes:
        head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body

    latin = f"<html><head><title>Brücke</title></head><body><p>{PROSE}</p></body></html>".encode("latin-1")
    records = [
        (WarcRecordType.warcinfo, "application/warc-fields", "", b"software: test\r\n"),
        (WarcRecordType.request, "application/http; msgtype=request", URL, b"GET /bridge HTTP/1.1\r\n\r\n"),
        (WarcRecordType.response, "", URL, http("200 OK", "text/html; charset=utf-8", PAGE.encode())),
        (WarcRecordType.response, "", f"{URL}.png", http("200 OK", "image/png", b"\x89PNG")),
        (WarcRecordType.response, "", f"{URL}/old", http("301 Moved", "text/html", b"<p>Moved</p>")),
        (WarcRecordType.response, "", f"{URL}/2", http("200 OK", "text/html; charset=iso-8859-1", latin)),
    ]
    with path.open("wb") as file:
        for kind, content_type, url, content in records:
            record = WarcRecord()
            record.init_headers(kind)
            record.record_date = datetime(2025, 3, 11, 9, 0, tzinfo=UTC)
            record.is_http = kind == WarcRecordType.response
            if content_type:
                record.headers["Content-Type"] = content_type
            if url:
                record.headers["WARC-Target-URI"] = url
            record.set_bytes_content(content)
            buffer = io.BytesIO()
            record.write(buffer)
            # In a compressed file each record is a member of its own.
            file.write(gzip.compress(buffer.getvalue()) if path.suffix == ".gz" else buffer.getvalue())


@pytest.mark.parametrize("name", ["crawl.warc", "crawl.warc.gz", "crawl.warc.zst"])
def test_pages_of_a_warc_file(name: str, tmp_path: Path) -> None:
    """Pages with a status of success are articles, in their own encoding; the number is that of the record."""
    file = tmp_path / name
    if file.suffix == ".zst":
        write_warc(tmp_path / "plain.warc")
        file.write_bytes(zstandard.compress((tmp_path / "plain.warc").read_bytes()))
    else:
        write_warc(file)
    first, second = read(file)
    assert (first.topic, first.offset, second.offset) == (str(file), 3, 6)
    article = decode(first)
    assert (article.url, article.source, article.title, article.lang) == (URL, "paper.example", "Bridge closed", "en")
    assert article.published_at == "2025-03-11T08:00:00Z"
    assert article.crawled_at_ms == 1_741_683_600_000
    assert article.text.strip() == PROSE
    assert decode(second).text.strip() == PROSE
    assert decode(second).title == "Brücke"


def test_a_warc_file_from_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is read forward only, and may be compressed."""
    for name in ("a.warc", "a.warc.gz"):
        write_warc(tmp_path / name)
        reader, writer = os.pipe()
        os.write(writer, (tmp_path / name).read_bytes())
        os.close(writer)
        with open(reader, "rb") as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            assert [message.offset for message in read(Path("-"))] == [3, 6]


@pytest.mark.parametrize("percent", range(3, 99, 5))
def test_a_warc_file_that_ends_within_a_record_is_fatal(percent: int, tmp_path: Path) -> None:
    """As after an interrupted download; without compression only the lengths of the records show it."""
    write_warc(tmp_path / "a.warc")
    content = (tmp_path / "a.warc").read_bytes()
    (tmp_path / "a.warc").write_bytes(content[: len(content) * percent // 100])
    with pytest.raises(Fatal, match=r"a\.warc cannot be read to its end: "):
        read(tmp_path / "a.warc")


def test_texts_of_a_wet_file(tmp_path: Path) -> None:
    """A conversion record has the plain text of a page."""
    record = WarcRecord()
    record.init_headers(WarcRecordType.conversion)
    record.headers["Content-Type"] = "text/plain"
    record.headers["WARC-Target-URI"] = URL
    record.set_bytes_content(f"Home\n{PROSE}\n".encode())
    with (tmp_path / "a.wet").open("wb") as file:
        record.write(file)
    (message,) = read(tmp_path / "a.wet")
    assert decode(message).text == f"Home\n{PROSE}\n"
    assert decode(message).url == URL


@pytest.mark.parametrize(
    ("name", "dialect", "encoding"),
    [
        ("a.csv", {}, "utf-8"),
        ("a.csv", {"delimiter": ";", "quoting": csv.QUOTE_ALL}, "utf-8-sig"),
        ("a.csv", {"delimiter": "|"}, "utf-8"),
        ("a.tsv", {"delimiter": "\t"}, "utf-16"),
        ("a.csv.gz", {"lineterminator": "\n"}, "utf-8"),
    ],
)
def test_rows_of_a_table(name: str, dialect: dict[str, Any], encoding: str, tmp_path: Path) -> None:
    """The header names the fields; values may have line breaks, quotation marks and the delimiter."""
    plain = tmp_path / "plain"
    texts = [PROSE, 'He said: "yes; no",\nand | left.\twith a tab']
    with plain.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, ["id", "url", "title", "text", "lang"], **dialect)
        writer.writeheader()
        writer.writerows({"id": n, "url": f"{URL}/{n}", "title": "", "text": text} for n, text in enumerate(texts))
    file_path = tmp_path / name
    content = plain.read_bytes()
    file_path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    messages = read(file_path)
    assert [message.offset for message in messages] == [1, 2]
    articles = [decode(message) for message in messages]
    assert [article.text for article in articles] == texts
    assert [(each.article_id, each.url, each.title) for each in articles] == [
        ("0", f"{URL}/0", None),
        ("1", f"{URL}/1", None),
    ]


def test_a_row_with_too_many_values_is_unreadable_and_the_next_is_read(tmp_path: Path) -> None:
    """Its values cannot be assigned to the columns."""
    file = tmp_path / "a.csv"
    file.write_bytes(b"id,text\n1,one\n2,one,two\n\n3,broken \xff byte\n4,last\n")
    first, extra, broken, last = read(file)
    assert isinstance(extra, CorruptRecord)
    assert extra.detail.startswith("the row has 3 values for 2 columns")
    assert (fields(first), fields(last)) == ({"id": "1", "text": "one"}, {"id": "4", "text": "last"})
    with pytest.raises(BadMessage, match="not_utf8"):
        decode(broken)


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.csv", b"id,text,id\n1,a,2\n", "the header names columns twice: id"),
        ("a.parquet", b"PAR1 and more", "Parquet"),
        ("a.rss", b"<?xml version='1.0'?><urlset><url/></urlset>", "neither an RSS nor an Atom feed"),
        ("a.xml", b"<?xml version='1.0'?><urlset><url/></urlset>", "neither an RSS nor an Atom feed"),
        ("a.warc.gz", gzip.compress(b"WARC/1.1\r\n" * 5_000)[:-20], "a.warc.gz cannot be read to its end"),
        ("a.jsonl.zst", zstandard.compress(b"{}\n" * 5_000)[:-4], None),
    ],
)
def test_a_damaged_file_is_fatal(name: str, content: bytes, problem: str | None, tmp_path: Path) -> None:
    """The error names the file and the reason, and never ends silently."""
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(Fatal, match=problem or "cannot be read to its end"):
        read(file)


def test_rows_of_a_parquet_file(tmp_path: Path) -> None:
    """Nested columns, times and binary text become JSON; the mapping finds them."""
    table = pa.table(
        {
            "doc": [{"body": PROSE, "tags": ["a"]}, {"body": "Second.", "tags": []}],
            "url": pa.array([URL.encode(), b"\xff\xfe"], pa.binary()),
            "seen": pa.array([datetime(2025, 3, 11, 8, tzinfo=UTC)] * 2, pa.timestamp("ns", "UTC")),
            "score": [float("nan"), 0.5],
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet", compression="zstd")
    first, second = read(tmp_path / "a.parquet")
    article = decode(first, own_fields="text=doc.body; crawled_at=seen")
    assert (article.text, article.url, article.crawled_at_ms) == (PROSE, URL, 1_741_680_000_000)
    assert fields(second) == {
        "doc": {"body": "Second.", "tags": []},
        "url": None,
        "seen": "2025-03-11T08:00:00+00:00",
        "score": 0.5,
    }


RSS = f"""<?xml version="1.0" encoding="UTF-8"?>
<!-- made by a plug-in -->
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>Paper</title><link>https://paper.example</link><language>en</language>
<item><title>Bridge &amp; ferry</title><link>{URL}</link><guid isPermaLink="false">paper-17</guid>
<pubDate>Tue, 11 Mar 2025 08:00:00 GMT</pubDate><description>Short.</description>
<content:encoded><![CDATA[<p>{PROSE}</p><p>Second paragraph.</p>]]></content:encoded></item>
<item><title>Other</title><link>{URL}/2</link><description>{PROSE}</description></item>
</channel></rss>"""
ATOM = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Paper</title>
<entry><id>urn:17</id><title>Bridge &amp; ferry</title><link href="{URL}"/>
<updated>2025-03-11T08:00:00Z</updated><content type="html">&lt;p&gt;{PROSE}&lt;/p&gt;</content></entry></feed>"""


@pytest.mark.parametrize("format_name", ["reprise", "rss"])
@pytest.mark.parametrize("name", ["feed.rss", "feed.xml", "feed.xml.gz", "feed"])
def test_items_of_an_rss_file(name: str, format_name: str, tmp_path: Path) -> None:
    """The default format and that of feeds read them; the content has priority over the summary."""
    content = RSS.encode()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    first, second = read(tmp_path / name)
    article = decode(first, format_name=format_name)
    assert (article.article_id, article.url, article.title) == ("paper-17", URL, "Bridge & ferry")
    assert (article.lang, article.published_at) == ("en", "Tue, 11 Mar 2025 08:00:00 GMT")
    assert article.text.split("\n")[0] == PROSE
    assert decode(second, format_name=format_name).text == PROSE


def test_entries_of_an_atom_file(tmp_path: Path) -> None:
    """With the address of the entry's link."""
    (tmp_path / "a.atom").write_text(ATOM)
    (message,) = read(tmp_path / "a.atom")
    article = decode(message)
    assert (article.article_id, article.url, article.text.strip()) == ("urn:17", URL, PROSE)


def _utf16(page: str) -> bytes:
    return page.replace("utf-8", "utf-16").encode("utf-16")


@pytest.mark.parametrize("encode", [str.encode, _utf16, lambda page: gzip.compress(page.encode())])
def test_a_page_is_an_article(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    """With the address, title, language and time of its head."""
    file = tmp_path / ("page.html.gz" if encode("x").startswith(b"\x1f") else "page.html")
    file.write_bytes(encode(PAGE))
    (message,) = read(file)
    article = decode(message)
    assert (article.url, article.title, article.lang, article.text.strip()) == (URL, "Bridge closed", "en", PROSE)


def test_the_address_of_a_saved_page(tmp_path: Path) -> None:
    """Browsers keep it in a comment; a canonical address without a host is none."""
    page = PAGE.replace(f'href="{URL}"', 'href="/bridge"').replace("<html", f"<!-- saved from url=(0028){URL} --><html")
    (tmp_path / "a.htm").write_text(page)
    assert decode(read(tmp_path / "a.htm")[0]).url == URL


def test_a_folder_is_read_in_order_of_the_paths(tmp_path: Path) -> None:
    """Files of a known suffix or content are read; others are counted, and hidden files are not."""
    for name, content in {
        "b/page": PAGE,
        "a/page.html": PAGE,
        "a/list.jsonl": '{"text": "a"}\n',
        "a/logo.png": "\x89PNG",
        "style.css": "p {}",
        ".git/config.json": "{}",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    source = FileSource([str(tmp_path)], on_end=lambda: None, batch_max=10, max_line_bytes=100_000)
    names = [str(Path(message.topic).relative_to(tmp_path)) for message in source.poll(0.0)]
    assert names == ["a/list.jsonl", "a/page.html", "b/page"]
    assert source.files.describe_left_out() == ("2 files in folders are of no kind that holds articles: 1 .css, 1 .png")


def test_a_folder_without_articles_is_an_error(tmp_path: Path) -> None:
    """A wrong path must not look like an empty crawl."""
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    with pytest.raises(UsageError, match="no file in this folder holds articles"):
        read(tmp_path)


def test_a_missing_package_is_named_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet is an optional extra."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setattr("reprise.replay.files.listing.find_spec", lambda _name: None)
    with pytest.raises(UsageError, match=r"a\.parquet: Parquet files need pyarrow: pip install 'reprise\[parquet\]'"):
        read(tmp_path / "a.parquet")


def test_a_long_value_is_cut_for_the_decoder_to_reject(tmp_path: Path) -> None:
    """Whatever the kind, one byte more than the limit is kept."""
    write_warc(tmp_path / "a.warc")
    (tmp_path / "a.html").write_text(PAGE)
    (tmp_path / "a.csv").write_text(f'text\n"{PROSE}"\n')
    messages = read(tmp_path / "a.warc", tmp_path / "a.html", tmp_path / "a.csv", max_bytes=100)
    assert [len(message.value or b"") for message in messages if isinstance(message, Message)] == [101] * 4


def test_comments_before_the_first_element_take_linear_time() -> None:
    """The expressions of the first bytes have no second way to match a comment."""
    assert kind_of_start(b"<!-- a --><?b?>" * 270) is None
    assert kind_of_start(b"\xef\xbb\xbf\n<!-- a --> <!DOCTYPE html>").name == "HTML"  # type: ignore[union-attr]
