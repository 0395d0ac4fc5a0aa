"""The value of a message: compressed bodies, and the errors of bodies in other formats."""

import gzip

import pytest
import zstandard

from reprise.errors import BadMessage
from reprise.messages.body import parse_body
from reprise.model import DeadLetterReason

VALUE = b'{"text": "The bridge shut."}'


def compressors() -> list[object]:
    return [
        gzip.compress,
        zstandard.compress,
        lambda data: zstandard.ZstdCompressor(write_content_size=False).compress(data),
    ]


@pytest.mark.parametrize("compress", compressors(), ids=["gzip", "zstd", "zstd without size"])
def test_compressed_bodies(compress: object) -> None:
    """With a byte order mark inside, too."""
    assert callable(compress)
    assert parse_body(compress(VALUE), 1000) == {"text": "The bridge shut."}
    assert parse_body(compress(b"\xef\xbb\xbf" + VALUE), 1000) == {"text": "The bridge shut."}


@pytest.mark.parametrize("compress", compressors(), ids=["gzip", "zstd", "zstd without size"])
def test_a_body_that_decompresses_beyond_the_limit_is_rejected(compress: object) -> None:
    """Without being decompressed to its end."""
    assert callable(compress)
    bomb = compress(b'{"text": "' + b"a" * 50_000_000 + b'"}')
    with pytest.raises(BadMessage, match="more than 1000000 bytes after decompression") as caught:
        parse_body(bomb, 1_000_000)
    assert caught.value.reason is DeadLetterReason.MESSAGE_TOO_LARGE


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        (b"\x00\x00\x00\x00\x2a\x08text", DeadLetterReason.NOT_JSON, "Confluent's wire format, with schema id 42"),
        (b"<?xml version='1.0'?><rss/>", DeadLetterReason.NOT_JSON, "HTML or XML"),
        (b"\x1f\x8b\x08\xff\xff\xff", DeadLetterReason.NOT_JSON, "compressed with gzip"),
        (b"\x28\xb5\x2f\xfd\xff\xff\xff", DeadLetterReason.NOT_JSON, "compressed with zstd"),
        (b'[{"text": "a"}]', DeadLetterReason.NOT_AN_OBJECT, "an array"),
        (b"a" * 11, DeadLetterReason.MESSAGE_TOO_LARGE, "more bytes; the limit is 10"),
        (b"a" * 12, DeadLetterReason.MESSAGE_TOO_LARGE, "12 bytes; the limit is 10"),
    ],
)
def test_the_detail_names_the_format(value: bytes, reason: DeadLetterReason, detail: str) -> None:
    limit = 10 if b"aaa" in value else 1000
    with pytest.raises(BadMessage) as caught:
        parse_body(value, limit)
    assert caught.value.reason is reason
    assert detail in caught.value.detail
