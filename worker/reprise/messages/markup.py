"""Recognise markup in the `text` field of a message, and extract its text.

Feeds put the markup of an article into one field (`content:encoded`), and some crawlers copy that into `text`. Plain
text that mentions a tag must stay as it is, so one opened tag alone is not enough.
"""

import re
import sys
from dataclasses import dataclass
from html import unescape
from typing import Final

from reprise.messages.html_text import LONG_REFERENCE, MAX_REFERENCES, extract_fragment, extract_text

#: Names of the elements whose tags count. A name that is no element, as in "List<T>", is text.
_ELEMENTS: Final = (
    r"a|abbr|article|aside|b|blockquote|body|br|center|cite|code|dd|div|dl|dt|em|figcaption|figure|font|footer|h[1-6]"
    r"|head|header|hr|html|i|iframe|img|li|main|ol|p|picture|pre|q|s|script|section|small|span|strong|style|sub|sup"
    r"|table|tbody|td|tfoot|th|thead|time|tr|u|ul|video"
)
_ELEMENT_TAG: Final = re.compile(rf"<(/?)({_ELEMENTS})(?:\s[^<>]*)?/?>", re.IGNORECASE)

#: Elements that do not change the layout. Crawlers leave some in plain text, such as the link of an advertisement.
_INLINE: Final = frozenset(
    {"a", "abbr", "b", "cite", "code", "em", "font", "i", "iframe", "img", "picture", "q", "s", "small", "span"}
    | {"strong", "sub", "sup", "time", "u", "video"}
)

#: Elements that have no closing tag, or often lack it.
_UNCLOSED: Final = frozenset({"p", "br", "hr", "img", "li"})

#: Unclosed elements that make a text markup. One may be a tag that the text mentions.
_MIN_UNCLOSED: Final = 2

_CHARACTER_REFERENCE: Final = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8});")
_PAGE_START: Final = re.compile(r"\s*(?:<!doctype|<html|<\?xml|<head|<body)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkupText:
    """The text of markup.

    extracted  whether elements gave the layout; else the lines are those of the plain text
    """

    text: str
    extracted: bool


def text_of_markup(text: str, max_characters: int = sys.maxsize) -> MarkupText | None:
    """Return the text of markup, each paragraph on lines of its own; None if the text is plain.

    Escaped markup (`&lt;p&gt;`) and character references in plain text are decoded, unless there are so many that it
    would take long. Inline elements in plain text are removed, and its lines stay.

    max_characters  where the text has more, any longer part of it may be returned

    Raises BadMessage (html_unreadable).
    """
    if "<" in text and is_markup(text):
        return _extract(text, max_characters)
    if not 0 < text.count("&") <= MAX_REFERENCES or not _CHARACTER_REFERENCE.search(text):
        return None
    decoded = unescape(LONG_REFERENCE.sub("", text))
    if "<" in decoded and is_markup(decoded):
        return _extract(decoded, max_characters)
    return MarkupText(text=decoded, extracted=False)


def is_markup(text: str) -> bool:
    """Return whether a text has an element with its closing tag, or several elements that need none."""
    opened: set[str] = set()
    unclosed = 0
    for match in _ELEMENT_TAG.finditer(text):
        closes, name = match[1], match[2].lower()
        if closes and name in opened:
            return True
        opened.add(name)
        unclosed += name in _UNCLOSED
        if unclosed >= _MIN_UNCLOSED:
            return True
    return False


def _extract(markup: str, max_characters: int) -> MarkupText:
    if all(match[2].lower() in _INLINE for match in _ELEMENT_TAG.finditer(markup)):
        return MarkupText(text=unescape(LONG_REFERENCE.sub("", _ELEMENT_TAG.sub(" ", markup))), extracted=False)
    extract = extract_text if _PAGE_START.match(markup) else extract_fragment
    extracted = extract(markup, max_characters)
    return MarkupText(text=extracted if extracted.strip() else markup, extracted=True)
