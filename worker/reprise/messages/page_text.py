"""Extract the text of an article from a page: from what the page shows, or from the data that it carries.

Pages that scripts draw show a note or nothing at all; the article stands in their JSON-LD (`articleBody`, see
https://schema.org/articleBody). The visible text has priority where it is the article.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import orjson

from reprise.messages.html_text import MIN_MAIN_CHARACTERS, extract_text
from reprise.messages.markup import text_of_markup

#: Blocks of JSON-LD that are read, and values inside one block. A page has one to five blocks of some 100 values.
_MAX_BLOCKS: Final = 20
_MAX_VALUES: Final = 20_000

#: Maximum nesting of JSON-LD; a page has some six levels.
_MAX_DEPTH: Final = 20

#: Characters of each piece of the data that is searched in the visible text, and their number.
_PROBE_CHARACTERS: Final = 40
_PROBES: Final = 5

#: The visible text is a part of the article if it is shorter than this ratio of the data.
_PART_RATIO: Final = 0.5

# Without a closing tag the block reaches the end of the page, so that no part of the page is searched twice.
_JSON_LD: Final = re.compile(
    r"<script\b[^<>]*\btype\s*=\s*[\"']?application/ld\+json[^<>]*>(.*?)(?:</script|\Z)", re.IGNORECASE | re.DOTALL
)
_COMMENT_MARKS: Final = re.compile(r"^\s*(?:<!--|//<!\[CDATA\[|<!\[CDATA\[)|(?:-->|//\]\]>|\]\]>)\s*$")
_GAP: Final = re.compile(r"\W+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageText:
    """The text of a page. `from_json_ld` says whether it is the article body of the page's JSON-LD."""

    text: str
    from_json_ld: bool = False


def extract_page(html: str, max_characters: int = sys.maxsize) -> PageText:
    """Return the article's text of a page; blank if the page has none.

    max_characters  where the text has more, any longer part of it may be returned

    Raises BadMessage (html_unreadable).
    """
    visible = extract_text(html, max_characters)
    body = _article_body(html) if "articleBody" in html else None
    if body is not None and len(body) <= max_characters and _is_better(body, visible):
        return PageText(text=body, from_json_ld=True)
    return PageText(text=visible)


def _is_better(body: str, visible: str) -> bool:
    """Return whether the visible text lacks the article, or has only a part of it."""
    if len(body) < MIN_MAIN_CHARACTERS:
        return False
    # White space and punctuation are often encoded differently in the data.
    letters, shown = _GAP.sub("", body), _GAP.sub("", visible)
    step = max(1, (len(letters) - _PROBE_CHARACTERS) // max(1, _PROBES - 1))
    probes = [letters[start : start + _PROBE_CHARACTERS] for start in range(0, len(letters), step)][:_PROBES]
    found = sum(probe in shown for probe in probes)
    return found == 0 or (found < len(probes) and len(shown) < _PART_RATIO * len(letters))


def _article_body(html: str) -> str | None:
    """Return the article body in the JSON-LD of a page; None without one, or if the page lists several articles."""
    bodies: set[str] = set()
    for match in islice(_JSON_LD.finditer(html), _MAX_BLOCKS):
        if "articleBody" in match[1]:
            bodies |= set(_find_bodies(_parse(match[1])))
    if len(bodies) != 1:
        return None
    body = bodies.pop().encode("utf-8", "replace").decode()  # the lenient parser accepts lone surrogates
    markup = text_of_markup(body)
    return markup.text if markup else body


def _parse(block: str) -> Any:
    """Parse a block of JSON-LD; None if it is invalid. Line breaks in strings are accepted, as browsers' tools do."""
    block = _COMMENT_MARKS.sub("", block)
    try:
        return orjson.loads(block)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(block, strict=False)
    except (ValueError, RecursionError):
        return None


def _find_bodies(value: Any) -> Iterator[str]:
    """Yield every `articleBody` inside a value that is no blank text."""
    waiting = [(value, 0)]
    for _ in range(_MAX_VALUES):
        if not waiting:
            return
        value, depth = waiting.pop()
        if isinstance(value, dict):
            body = value.get("articleBody")
            if isinstance(body, list) and all(isinstance(part, str) for part in body):
                body = "\n".join(body)
            if isinstance(body, str) and body.strip():
                yield body
        if depth < _MAX_DEPTH and isinstance(value, dict | list):
            children = value.values() if isinstance(value, dict) else value
            waiting += [(child, depth + 1) for child in children if isinstance(child, dict | list)]
