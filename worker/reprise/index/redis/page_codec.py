"""Pack and unpack the known pages of a text: the values of the hashes `w`.

A value has the time of the latest page (6 bytes) and for each page: number of the representative 5, source 4, words of
the address 3, its numbers 3, title 4. Zeros stand for a part that a page does not have. With MAX_PAGES pages a value
has 63 bytes: a listpack keeps values of up to 64.
"""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from reprise.index.types import KnownPage
from reprise.model import Page

_PAGE: Final = Struct(">5s4s3s3s4s")
_TIME_BYTES: Final = 6


def pack_pages(pages: Sequence[KnownPage], now_ms: int) -> bytes:
    """Pack the known pages of a text."""
    return now_ms.to_bytes(_TIME_BYTES, "big") + b"".join(
        _PAGE.pack(number.to_bytes(5, "big"), page.source, page.path_words, page.path_numbers, page.title)
        for page, number in pages
    )


def unpack_pages(packed: bytes, text_key: bytes, oldest_ms: int) -> Sequence[KnownPage]:
    """Unpack the known pages of a text; none if the latest was seen before a time."""
    if int.from_bytes(packed[:_TIME_BYTES], "big") <= oldest_ms:
        return ()
    return [
        KnownPage(_page(text_key, *parts), int.from_bytes(number, "big"))
        for number, *parts in _PAGE.iter_unpack(packed[_TIME_BYTES:])
    ]


def _page(text_key: bytes, source: bytes, words: bytes, numbers: bytes, title: bytes) -> Page:
    return Page(
        text_key=text_key,
        source=_present(source),
        path_words=_present(words),
        path_numbers=_present(numbers),
        title=_present(title),
        is_brief=False,
    )


def _present(packed: bytes) -> bytes:
    return packed if any(packed) else b""
