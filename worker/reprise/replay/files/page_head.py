"""Read the address, title, language and time of an article from the head of its page."""

import re
from collections.abc import Iterator
from typing import Any, Final

from resiliparse.parse.html import HTMLTree

#: Characters in which the head is searched. Heads with style sheets have up to 100,000.
_HEAD_CHARACTERS: Final = 262_144

_HEAD_END: Final = re.compile(r"</head\s*>|<body[\s>]", re.IGNORECASE)

#: The comments in which browsers and SingleFile keep the address of a saved page.
_SAVED_FROM: Final = re.compile(r"<!--\s*(?:saved from url=\(\d+\)|Page saved with SingleFile\s+url:\s*)(https?://\S+)")

#: Where a page has each field, the best first: a selector and the attribute of the element.
_SELECTORS: Final = {
    "url": (('link[rel="canonical"]', "href"), ('meta[property="og:url"]', "content")),
    "title": (('meta[property="og:title"]', "content"), ('meta[name="title"]', "content")),
    "published_at": (
        ('meta[property="article:published_time"]', "content"),
        ('meta[itemprop="datePublished"]', "content"),
        ('meta[name="date"]', "content"),
    ),
}


def read_head(html: str) -> dict[str, Any]:
    """Return the fields `url`, `title`, `published_at` and `lang` that the head of a page has."""
    end = _HEAD_END.search(html, 0, _HEAD_CHARACTERS)
    head = html[: end.start() if end else _HEAD_CHARACTERS]
    tree = HTMLTree.parse(head)
    fields = {name: _find(tree, name, selectors) for name, selectors in _SELECTORS.items()}
    fields["url"] = fields["url"] or _saved_from(head)
    fields["title"] = fields["title"] or (tree.title or "").strip()
    fields["lang"] = next(_values(tree, (("html", "lang"),)), None)
    return {name: value for name, value in fields.items() if value}


def _find(tree: Any, name: str, selectors: tuple[tuple[str, str], ...]) -> str | None:
    values = _values(tree, selectors)
    if name == "url":
        values = (value for value in values if value.startswith(("http://", "https://")))
    return next(values, None)


def _values(tree: Any, selectors: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for selector, attribute in selectors:
        element = tree.document.query_selector(selector)
        value = element.getattr(attribute, "").strip() if element else ""
        if value:
            yield value


def _saved_from(head: str) -> str | None:
    match = _SAVED_FROM.search(head)
    return match[1] if match else None
