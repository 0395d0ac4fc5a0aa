"""Read HTML pages: a file is one article."""

from typing import Final

from resiliparse.parse.encoding import bytes_to_str, detect_encoding, map_encoding_to_html5

from reprise.replay.files.entries import Entries, encode
from reprise.replay.files.opening import InputFile
from reprise.replay.files.page_head import read_head

_FALLBACK_ENCODING: Final = "utf-8"


def read_page(file: InputFile, max_bytes: int) -> Entries:
    """Yield the page of a file, with the address, title, language and time that its head has."""
    html = decode_page(file.content.read(max_bytes + 1))
    yield 1, encode(read_head(html) | {"html": html}, max_bytes)


def decode_page(page: bytes, charset: str | None = None) -> str:
    """Return the text of a page in its encoding.

    charset  from the header of the response

    Valid UTF-8 with other than ASCII characters is read as such, whatever the page declares: text in another encoding
    is hardly ever valid UTF-8. Else the charset counts, then the declaration in the page, then the frequency of bytes.
    """
    if not page.isascii():
        try:
            return page.decode("utf-8-sig")
        except UnicodeDecodeError:
            pass
    encoding = map_encoding_to_html5(charset, fallback_utf8=False) if charset else None
    encoding = encoding or detect_encoding(page, from_html_meta=True) or _FALLBACK_ENCODING
    return bytes_to_str(page, encoding, errors="replace")
