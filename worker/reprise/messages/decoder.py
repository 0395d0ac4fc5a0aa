"""A message's bytes -> an Article, or the reason why not.

May live here: what an input message may look like. Unknown fields are left alone, `null` is the same as absent, and a
blank optional field says nothing, so it is absent too.

`id` is a string and nothing else: a number would be the same id as another spelling of it (1, 1.0, "1"), and beyond
2^53 some producers would round two articles into one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import orjson

from reprise.errors import BadMessage
from reprise.messages.html_text import extract_text
from reprise.messages.namespaces import UNDIVIDED, NamespaceRule, namespace_of
from reprise.messages.timestamps import EPOCH, MILLISECOND
from reprise.messages.urls import canonical_url, registered_domain
from reprise.model import Article, DeadLetterReason, Message

#: All of them strings.
_FIELDS: Final = ("id", "text", "html", "url", "source", "title", "lang", "published_at", "crawled_at")

#: Those that are a line at most, and that events repeat.
_LINES: Final = ("url", "source", "title", "published_at")

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"

#: Bytes of a made-up id: 128 bits, where two articles in 10^15 meet by chance once in 10^8 such crawls.
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderLimits:
    """Past these a message is a dead letter."""

    #: bytes of a message's value; four times what a broker takes unless told otherwise
    message_bytes: int = 4_194_304
    #: characters of the article's text, after extraction; a long read has 50,000
    text_characters: int = 500_000
    #: bytes of an id in UTF-8: it is stored with each decision, and in memory
    id_bytes: int = 256
    #: characters of every other field but the text: an event repeats them, and must fit its topic. A story whose event
    #: does not would get variants that nobody can place. The longest address that browsers send has 8,192 or less
    field_characters: int = 8_192


def decode_article(message: Message, limits: DecoderLimits, namespaces: NamespaceRule = UNDIVIDED) -> Article:
    """Read an article out of a message that is no tombstone.

    An article without an id is known by its canonical URL, one without that by its text. A crawl time that cannot be
    read is unknown: it orders the crawls of one article, and is not worth losing one for. Raises BadMessage.
    """
    parsed = _object(_value(message, limits))
    fields = _fields(parsed)
    _check_lengths(fields, limits)
    text, extracted = _text(fields, limits)
    url = fields.get("url")
    return Article(
        article_id=_article_id(fields.get("id"), url, text, limits),
        text=text,
        namespace=namespace_of(namespaces, parsed, message.headers),
        extracted=extracted,
        url=url,
        source=_source(fields.get("source"), url),
        title=fields.get("title"),
        lang=fields.get("lang"),
        published_at=fields.get("published_at"),
        crawled_at_ms=_milliseconds(fields.get("crawled_at")),
    )


def _value(message: Message, limits: DecoderLimits) -> bytes:
    value = message.value or b""
    if len(value) > limits.message_bytes:
        raise BadMessage(DeadLetterReason.MESSAGE_TOO_LARGE, f"{len(value)} bytes; the limit is {limits.message_bytes}")
    return value.removeprefix(BYTE_ORDER_MARK)


def _fields(parsed: dict[str, Any]) -> dict[str, str]:
    """Return the known fields that say something."""
    known: dict[str, str] = {}
    for name in _FIELDS:
        field = parsed.get(name)
        if field is None:
            continue
        if not isinstance(field, str):
            raise BadMessage(DeadLetterReason.WRONG_TYPE, f"{name} is {_json_type(field)}, not a string")
        if field and not field.isspace():
            known[name] = field
    return known


def _check_lengths(fields: dict[str, str], limits: DecoderLimits) -> None:
    for name in _LINES:
        if (length := len(fields.get(name, ""))) > limits.field_characters:
            detail = f"{name}: {length} characters; the limit is {limits.field_characters}"
            raise BadMessage(DeadLetterReason.FIELD_TOO_LONG, detail)


def _object(value: bytes) -> dict[str, Any]:
    """Parse strictly: NaN, infinite numbers, nesting beyond 1,024 levels and half a surrogate pair are no JSON."""
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise _unreadable(value, error) from None
    if not isinstance(parsed, dict):
        raise BadMessage(DeadLetterReason.NOT_AN_OBJECT, f"it is {_json_type(parsed)}")
    return parsed


def _unreadable(value: bytes, error: orjson.JSONDecodeError) -> BadMessage:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as undecodable:
        return BadMessage(DeadLetterReason.NOT_UTF8, f"{undecodable.reason} at byte {undecodable.start}")
    return BadMessage(DeadLetterReason.NOT_JSON, f"{error.msg} at character {error.pos}")


def _json_type(value: object) -> str:
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), "null")


def _text(fields: dict[str, str], limits: DecoderLimits) -> tuple[str, bool]:
    """Return the text and whether it was extracted. A page without any text gives way to a plain one beside it."""
    html = fields.get("html")
    text = extract_text(html) if html is not None else ""
    extracted = not _is_blank(text)
    if not extracted:
        text = fields.get("text", "")
    if _is_blank(text):
        detail = "neither text nor html" if html is None else "no text in its html, and none beside it"
        raise BadMessage(DeadLetterReason.NO_TEXT, detail)
    if len(text) > limits.text_characters:
        raise BadMessage(
            DeadLetterReason.TEXT_TOO_LONG, f"{len(text)} characters; the limit is {limits.text_characters}"
        )
    return text, extracted


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _article_id(given: str | None, url: str | None, text: str, limits: DecoderLimits) -> str:
    if given is not None:
        size = len(given.encode())
        if size > limits.id_bytes:
            raise BadMessage(DeadLetterReason.ID_TOO_LONG, f"{size} bytes; the limit is {limits.id_bytes}")
        return given
    canonical = canonical_url(url) if url else None
    if canonical is not None:
        return _hash(canonical, b"reprise.url")
    return _hash(text, b"reprise.text")


def _hash(text: str, domain: bytes) -> str:
    """Hash in a domain of its own, so that a text that reads like a URL is not that URL."""
    return blake2b(text.encode(), digest_size=_ID_BYTES, person=domain).hexdigest()


def _source(given: str | None, url: str | None) -> str | None:
    if given is not None:
        return given.strip()
    return registered_domain(url) if url else None


def _milliseconds(timestamp: str | None) -> int | None:
    """Return milliseconds since the epoch of an RFC 3339 time; None where it is none, or lies before 1970.

    Without an offset it is taken for UTC, as crawlers mean it that forget to say so.
    """
    if timestamp is None:
        return None
    try:
        moment = datetime.fromisoformat(timestamp.strip().upper())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = (moment - EPOCH) // MILLISECOND
    return milliseconds if milliseconds >= 0 else None
