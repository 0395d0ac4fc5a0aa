"""Decode the value of an input message into an Article, or reject it with a reason.

Unknown fields are ignored. A known field that is null or blank counts as absent.

`id` must be a JSON string. A number would have several spellings (1, 1.0, "1"), and some producers round numbers beyond
2^53, so that two articles would get one id.
"""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from reprise.errors import BadMessage
from reprise.messages.html_text import extract_text
from reprise.messages.ids import article_id_of_text, article_id_of_url
from reprise.messages.namespaces import SINGLE_NAMESPACE, NamespaceRule, select_namespace
from reprise.messages.timestamps import parse_rfc3339
from reprise.messages.urls import canonical_url, registered_domain
from reprise.model import Article, DeadLetterReason, Message

#: Known fields of a message; each must be a string or null.
_FIELDS: Final = ("id", "text", "html", "url", "source", "title", "lang", "published_at", "crawled_at")

#: Fields that an event repeats: `field_characters` limits their length.
_EVENT_FIELDS: Final = ("url", "source", "title", "published_at")

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderLimits:
    """Size limits; a message beyond one of them becomes a dead letter."""

    #: bytes of a message's value
    message_bytes: int
    #: characters of the article's text, after extraction
    text_characters: int
    #: bytes of an id in UTF-8; the index stores it with each decision
    id_bytes: int = 256
    #: characters of each of `url`, `source`, `title` and `published_at`. An event repeats them and must fit its topic:
    #: a story whose first event is too large would have variants without an origin. Servers limit URLs to about 8,000
    field_characters: int = 8_192


def decode_article(message: Message, limits: DecoderLimits, namespaces: NamespaceRule = SINGLE_NAMESPACE) -> Article:
    """Decode an article from a message that is not a tombstone.

    Without an id the article is identified by its canonical URL, without a URL by its text. An unreadable crawl time
    counts as unknown: it only orders the crawls of one article. Raises BadMessage.
    """
    parsed = _parse_object(_check_size(message, limits))
    fields = _string_fields(parsed)
    _check_lengths(fields, limits)
    text, extracted = _select_text(fields, limits)
    url, crawled_at = fields.get("url"), fields.get("crawled_at")
    return Article(
        article_id=_article_id(fields.get("id"), url, text, limits),
        text=text,
        namespace=select_namespace(namespaces, parsed, message.headers),
        extracted=extracted,
        url=url,
        source=_source(fields.get("source"), url),
        title=fields.get("title"),
        lang=fields.get("lang"),
        published_at=fields.get("published_at"),
        crawled_at_ms=None if crawled_at is None else parse_rfc3339(crawled_at),
    )


def _check_size(message: Message, limits: DecoderLimits) -> bytes:
    """Return the value of a message without a byte order mark. Raises BadMessage if it is too large."""
    value = message.value or b""
    if len(value) > limits.message_bytes:
        raise BadMessage(DeadLetterReason.MESSAGE_TOO_LARGE, f"{len(value)} bytes; the limit is {limits.message_bytes}")
    return value.removeprefix(BYTE_ORDER_MARK)


def _parse_object(value: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    orjson is strict: it refuses NaN, infinite numbers, nesting beyond 1,024 levels and lone surrogates.
    """
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise _parse_error(value, error) from None
    if not isinstance(parsed, dict):
        raise BadMessage(DeadLetterReason.NOT_AN_OBJECT, f"the value is {_json_type(parsed)}")
    return parsed


def _parse_error(value: bytes, error: orjson.JSONDecodeError) -> BadMessage:
    """Distinguish invalid UTF-8 from invalid JSON. The detail holds no text of the article."""
    try:
        value.decode("utf-8")
    except UnicodeDecodeError as invalid:
        return BadMessage(DeadLetterReason.NOT_UTF8, f"{invalid.reason} at byte {invalid.start}")
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


def _string_fields(parsed: dict[str, Any]) -> dict[str, str]:
    """Return the known fields that are neither null nor blank."""
    fields: dict[str, str] = {}
    for name in _FIELDS:
        value = parsed.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise BadMessage(DeadLetterReason.WRONG_TYPE, f"{name} is {_json_type(value)}, not a string")
        if not _is_blank(value):
            fields[name] = value
    return fields


def _check_lengths(fields: dict[str, str], limits: DecoderLimits) -> None:
    for name in _EVENT_FIELDS:
        if (length := len(fields.get(name, ""))) > limits.field_characters:
            detail = f"{name}: {length} characters; the limit is {limits.field_characters}"
            raise BadMessage(DeadLetterReason.FIELD_TOO_LONG, detail)


def _select_text(fields: dict[str, str], limits: DecoderLimits) -> tuple[str, bool]:
    """Return the text of the article, and whether it was extracted from `html`.

    `html` has priority; `text` is used if `html` is absent or has no text.
    """
    html = fields.get("html")
    text = extract_text(html) if html is not None else ""
    extracted = not _is_blank(text)
    if not extracted:
        text = fields.get("text", "")
    if _is_blank(text):
        detail = "neither text nor html" if html is None else "html has no text, and there is no text field"
        raise BadMessage(DeadLetterReason.NO_TEXT, detail)
    if len(text) > limits.text_characters:
        raise BadMessage(
            DeadLetterReason.TEXT_TOO_LONG, f"{len(text)} characters; the limit is {limits.text_characters}"
        )
    return text, extracted


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _article_id(message_id: str | None, url: str | None, text: str, limits: DecoderLimits) -> str:
    if message_id is not None:
        size = len(message_id.encode())
        if size > limits.id_bytes:
            raise BadMessage(DeadLetterReason.ID_TOO_LONG, f"{size} bytes; the limit is {limits.id_bytes}")
        return message_id
    canonical = canonical_url(url) if url else None
    return article_id_of_text(text) if canonical is None else article_id_of_url(canonical)


def _source(message_source: str | None, url: str | None) -> str | None:
    if message_source is not None:
        return message_source.strip()
    return registered_domain(url) if url else None
