"""Decode the value of an input message into an Article, or reject it with a reason.

    body.py          the JSON object of a value, compressed or not
    formats/         where a crawler's messages have the fields
    field_values.py  the fields as text
    sources.py       the site
    page_text.py, markup.py  the text of a page, and of markup in the text field

Unknown fields are ignored. A known field that is null or blank counts as absent. An optional field that cannot be read
is left out and named in `Article.ignored`; only a message without a text, or beyond a limit, is rejected.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reprise.errors import BadMessage, SkippedMessage
from reprise.messages.body import ReadValue, parse_body
from reprise.messages.field_values import TEXT_FIELDS, FieldValues, read_fields
from reprise.messages.formats import AS_IS, DEFAULT_FORMAT, FieldMapping
from reprise.messages.formats.detection import find_format
from reprise.messages.formats.mapping import list_names
from reprise.messages.ids import article_id_of_text, article_id_of_url
from reprise.messages.markup import text_of_markup
from reprise.messages.namespaces import SINGLE_NAMESPACE, NamespaceRule, NamespaceSource, select_namespace
from reprise.messages.page_text import extract_page
from reprise.messages.sources import parse_source
from reprise.messages.timestamps import parse_time
from reprise.messages.urls import canonical_url, registered_domain
from reprise.model import Article, DeadLetterReason, InputField, InputGuess, Message

#: Fields that an event repeats: `field_characters` limits their length.
_EVENT_FIELDS: Final = (InputField.URL, InputField.SOURCE, InputField.TITLE, InputField.PUBLISHED_AT)


#: Milliseconds by which a crawl may seem to be later than its message: the clocks of crawlers and brokers differ.
_MAX_CLOCK_DIFFERENCE_MS: Final = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderLimits:
    """Size limits. A message beyond one of them becomes a dead letter, but see `field_characters`."""

    #: bytes of a message's value, compressed and decompressed
    message_bytes: int
    #: characters of the article's text, after extraction
    text_characters: int
    #: bytes of an id in UTF-8; the index stores it with each decision
    id_bytes: int = 256
    #: characters of each of `url`, `source`, `title` and `published_at`; a longer field is left out. An event repeats
    #: them and must fit its topic: a story whose first event is too large would have variants without an origin.
    #: Servers limit URLs to about 8,000
    field_characters: int = 8_192


def decode_article(
    message: Message,
    limits: DecoderLimits,
    namespaces: NamespaceRule = SINGLE_NAMESPACE,
    mapping: FieldMapping = AS_IS,
    read_value: ReadValue | None = None,
) -> Article:
    """Decode an article from a message that is not a tombstone.

    read_value  reads values of Confluent's wire format

    Without an id the article is identified by its canonical URL, without a URL by its text. Raises BadMessage, and
    SkippedMessage for a message that the mapping skips.
    """
    parsed = parse_body(message.value or b"", limits.message_bytes, read_value)
    content: Mapping[str, Any] = parsed
    if mapping.is_identity:
        fields = read_fields(parsed)
    else:
        if mapping.skips_message(parsed):
            raise SkippedMessage(f"REPRISE_INPUT_FORMAT={mapping.name} skips it")
        mapped = mapping.apply(parsed)
        content, fields = mapped.content, read_fields(mapped.fields)
    _check_lengths(fields, limits)
    source = _read_source(fields)
    crawled_at_ms = _read_crawl_time(fields, message.timestamp_ms)
    text, extracted = _select_text(parsed, fields, limits, mapping)
    texts = fields.texts
    url = texts.get(InputField.URL)
    if namespaces.by is NamespaceSource.LANG:
        content = {"lang": texts.get(InputField.LANG)}
    return Article(
        article_id=_article_id(texts.get(InputField.ID), url, text, limits),
        text=text,
        namespace=select_namespace(namespaces, content, message.headers),
        extracted=extracted,
        url=url,
        source=source,
        title=texts.get(InputField.TITLE),
        lang=texts.get(InputField.LANG),
        published_at=texts.get(InputField.PUBLISHED_AT),
        crawled_at_ms=crawled_at_ms,
        ignored=tuple(fields.ignored),
        guesses=tuple(fields.guesses),
    )


def _check_lengths(fields: FieldValues, limits: DecoderLimits) -> None:
    """Leave out the fields that would make an event too large."""
    for name in _EVENT_FIELDS:
        if len(fields.texts.get(name, "")) > limits.field_characters:
            fields.ignore(name)


def _read_source(fields: FieldValues) -> str | None:
    """Return the site of an article. An address in `source` also stands for a missing `url`."""
    text = fields.texts.get(InputField.SOURCE)
    url = fields.texts.get(InputField.URL)
    if text is None:
        return registered_domain(url) if url else None
    source = parse_source(text)
    if source.was_address:
        fields.guesses.append(InputGuess.SOURCE_FROM_ADDRESS)
        if url is None and source.page_url is not None:
            fields.texts[InputField.URL] = source.page_url
            fields.guesses.append(InputGuess.URL_FROM_SOURCE)
    return source.name


def _read_crawl_time(fields: FieldValues, sent_ms: int | None) -> int | None:
    """Return the time of the crawl in milliseconds, else that of the message. It only orders the crawls of one article.

    sent_ms  timestamp of the message. A crawl after it is unknown: it would make every later crawl of the page late.
             It orders the crawls without a time: after a rewind of the offsets, an old message is older than the latest
    """
    text = fields.texts.get(InputField.CRAWLED_AT)
    if text is None:
        return sent_ms
    milliseconds = parse_time(text)
    if milliseconds is not None and sent_ms is not None and milliseconds > sent_ms + _MAX_CLOCK_DIFFERENCE_MS:
        milliseconds = None
    if milliseconds is None:
        fields.ignore(InputField.CRAWLED_AT)
        return sent_ms
    return milliseconds


def _select_text(
    parsed: Mapping[str, Any], fields: FieldValues, limits: DecoderLimits, mapping: FieldMapping
) -> tuple[str, bool]:
    """Return the text of the article, and whether it was extracted from markup.

    `html` has priority; `text` is used if `html` is absent or has no text.
    """
    text, extracted = _text_of_page(fields, limits), True
    if text is None:
        text, extracted = _plain_text(fields, limits)
    if text is None:
        raise _without_text(parsed, fields, mapping)
    fields.ignored += fields.wrong
    if len(text) > limits.text_characters:
        raise BadMessage(
            DeadLetterReason.TEXT_TOO_LONG, f"{len(text)} characters; the limit is {limits.text_characters}"
        )
    return text, extracted


def _text_of_page(fields: FieldValues, limits: DecoderLimits) -> str | None:
    html = fields.texts.get(InputField.HTML)
    if html is None:
        return None
    page = extract_page(html, limits.text_characters)
    if page.from_json_ld:
        fields.guesses.append(InputGuess.TEXT_FROM_JSON_LD)
    return None if _is_blank(page.text) else page.text


def _plain_text(fields: FieldValues, limits: DecoderLimits) -> tuple[str | None, bool]:
    text = fields.texts.get(InputField.TEXT)
    if text is None:
        return None, False
    markup = text_of_markup(text, limits.text_characters)
    if markup is None or _is_blank(markup.text):
        return text, False
    fields.guesses.append(InputGuess.MARKUP_IN_TEXT)
    return markup.text, markup.extracted


def _without_text(parsed: Mapping[str, Any], fields: FieldValues, mapping: FieldMapping) -> BadMessage:
    """Return the error of a message without a text: it names the fields that are there, and the format that fits."""
    if fields.wrong:
        name, kind = next(iter(fields.wrong.items()))
        return BadMessage(DeadLetterReason.WRONG_TYPE, f"{name} is {kind}, not a string")
    if InputField.HTML in fields.texts:
        problem = "html has no text, and there is no text field"
    elif mapping.name == DEFAULT_FORMAT:
        problem = "text and html are blank" if TEXT_FIELDS & parsed.keys() else "neither text nor html"
    else:
        problem = f"REPRISE_INPUT_FORMAT={mapping.name} finds neither text nor html, or they are blank"
    fitting = find_format(parsed)
    if fitting not in {None, mapping.name}:
        advice = f"REPRISE_INPUT_FORMAT={fitting} reads such messages"
    else:
        advice = "REPRISE_INPUT_FIELDS can map other fields"
    return BadMessage(DeadLetterReason.NO_TEXT, f"{problem}; the fields are {list_names(parsed)}; {advice}")


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
