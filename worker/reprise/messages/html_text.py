"""Extract plain text with line breaks from HTML, in bounded time and memory.

Resiliparse parses a page as the HTML standard requires. The standard has costs that grow with the square of the page:

- many attributes on one tag, or on several body tags, whose attributes are merged
- many open formatting elements: each paragraph reopens all of them, and 100 KB of markup can need more than 6 GB
- deep nesting, and nested lists, whose lines are all indented

Pages that may exceed a bound are found by counting tags; their tags are stripped by regular expressions instead. A page
that is too expensive for these, too, is rejected. A time limit would not do: the same page must produce the same text
every time.

The bounds keep the worst page that is known below 0.25 s of processor time and 60 MB of memory.
"""

import re
import sys
from html import unescape
from typing import Final

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from reprise.errors import BadMessage
from reprise.model import DeadLetterReason

#: Maximum characters of a page to parse. The other bounds hold for pages up to this size.
MAX_PARSED_CHARACTERS: Final = 1_000_000

#: Maximum tags of a page to parse. A long news page has 3,000. An end tag without a start is searched in all open
#: elements: 8,000 starts and as many such ends take 0.14 s.
MAX_TAGS: Final = 16_000

#: Maximum attributes of one tag. The parser compares each with all before it: 10,000 take 0.2 s. A comparison in a
#: script ("i<n") can look like a tag with some 300 attributes, so the bound is higher.
MAX_ATTRIBUTES: Final = 512

#: Maximum html and body tags: the parser merges their attributes into one element. 32 tags with 500 attributes each
#: take 0.5 s, 1,400 with 100 each take minutes. A page has one of each, and one or two more in its scripts.
MAX_ROOT_TAGS: Final = 16

#: Maximum product of tags inside tags (after a misplaced quote, or markup in an attribute) and characters: counting
#: attributes may read each such tag to the end of the page. News pages reach 720,000; the bound takes 0.2 s.
MAX_INNER_TAGS_TIMES_CHARACTERS: Final = 100_000_000

#: Maximum product of lists and tags: a line is indented by two characters for each list around it, so that 90 KB of
#: markup can become 180 MB of text. News pages reach 140,000; the bound is 4 MB of text.
MAX_LISTS_TIMES_TAGS: Final = 2_000_000

#: Maximum product of unclosed formatting tags and tags: four times the elements that the parser may have to create.
#: News pages reach 350,000; the bound costs at most 50 MB and 0.1 s.
MAX_UNCLOSED_TIMES_TAGS: Final = 500_000

#: Maximum elements of a parsed page, those that the parser created anew included. Main content detection takes 2
#: microseconds for each. MAX_TAGS tags make fewer if no element is reopened.
MAX_ELEMENTS: Final = 40_000

#: Product of formatting tags and tags above which the elements of a parsed page are counted.
_COUNTED_FORMATTING_TIMES_TAGS: Final = 100_000

#: Maximum div and article tags for main content detection.
MAX_BLOCKS: Final = 3_000

#: Maximum div elements inside one another, and article elements, for main content detection, which visits the whole
#: content of each of them: 40,000 elements inside 48 blocks take 0.15 s, 12,000 inside 3,000 blocks 1.4 s. News pages
#: reach 14.
MAX_NESTED_DIVS: Final = 40
MAX_NESTED_ARTICLES: Final = 9

#: Product of blocks and tags above which the nesting of a parsed page is checked.
_CHECKED_BLOCKS_TIMES_TAGS: Final = 500_000

#: Maximum tags of a page whose tags are stripped, where a character reference counts as _REFERENCE_TAGS tags: a tag
#: takes 0.4 microseconds, a reference to an unknown name 3.5.
MAX_STRIPPED_TAGS: Final = 300_000
_REFERENCE_TAGS: Final = 8

#: Maximum `&` of a text whose character references are decoded.
MAX_REFERENCES: Final = MAX_STRIPPED_TAGS // _REFERENCE_TAGS

#: Characters whose white space is collapsed at once.
_SLICE_CHARACTERS: Final = 65_536

#: Minimum characters of detected main content. Shorter content is probably not the article: the whole page is
#: extracted.
MIN_MAIN_CHARACTERS: Final = 100

_SPACE: Final = r"[\t\n\f\r ]"
_FORMATTING: Final = r"a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"

_TAG: Final = re.compile(r"</?[a-zA-Z]")
_BLOCK_START: Final = re.compile(r"<(?:div|article)[\t\n\f\r />]", re.IGNORECASE)
_ROOT_START: Final = re.compile(r"<(?:html|body)[\t\n\f\r />]", re.IGNORECASE)
_LIST_START: Final = re.compile(r"<[uo]l[\t\n\f\r />]", re.IGNORECASE)
_FORMATTING_START: Final = re.compile(rf"<(?:{_FORMATTING})[\t\n\f\r />]", re.IGNORECASE)

# A formatting element that contains only text and is certainly closed. The pattern accepts only well-formed attributes:
# after a misplaced quote the parser would end the tag elsewhere.
_CLOSED_FORMATTING: Final = re.compile(
    rf"""<({_FORMATTING})(?:{_SPACE}+[\w:-]+(?:=(?:"[^"<>]*"|'[^'<>]*'|[\w.:/\#%-]+))?)*+{_SPACE}*+>[^<]*</\1>""",
    re.IGNORECASE | re.ASCII,
)

# An attribute as the HTML standard's tokenizer reads it, malformed ones included. Possessive quantifiers prevent
# backtracking.
_ATTRIBUTE: Final = (
    r"[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+"
    rf"(?:{_SPACE}*+={_SPACE}*+(?:\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r >\"'][^\t\n\f\r >]*+)?+)?+"
)
_COMPLETE_TAG: Final = re.compile(rf"</?[a-zA-Z][^\t\n\f\r />]*+(?:{_ATTRIBUTE}){{0,{MAX_ATTRIBUTES}}}+")
_OVERLOADED_TAG: Final = re.compile(rf"</?[a-zA-Z][^\t\n\f\r />]*+(?:{_ATTRIBUTE}){{{MAX_ATTRIBUTES + 1}}}")

# Patterns of strip_tags. If its closing part is missing, each pattern matches up to the end of the text, so that no
# part of the page is searched twice.
_INVISIBLE: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|noscript|template|textarea)(?![\w-]).*?(?:</\1[^<>]*>?|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_BLOCK_TAG: Final = re.compile(
    r"</?(?:address|article|aside|blockquote|body|br|caption|center|dd|div|dl|dt|fieldset|figcaption|figure|footer|form"
    r"|h[1-6]|head|header|hr|html|li|main|nav|ol|option|p|pre|section|select|table|td|th|title|tr|ul)(?![\w-])[^<>]*>?",
    re.IGNORECASE,
)
_ANY_TAG: Final = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
#: Character references with many digits, for which html.unescape raises ValueError.
LONG_REFERENCE: Final = re.compile(r"&#[xX]?[0-9a-fA-F]{8,};?")
# NUL stands for the end of a block.
_GAP: Final = re.compile(r"[\t\n\v\f\r \0]+")

_TOO_DEEP: Final = (
    " ".join(["div"] * (MAX_NESTED_DIVS + 1)),
    " ".join(["article"] * (MAX_NESTED_ARTICLES + 1)),
)

_PARSER_ERRORS: Final = (RuntimeError, ValueError, TypeError, MemoryError)


def extract_text(html: str, max_characters: int = sys.maxsize) -> str:
    """Return the text of a page, each paragraph on lines of its own; blank if the page has no text.

    The text is the main content, or the whole visible page if no main content of at least MIN_MAIN_CHARACTERS is found.

    max_characters  where the text has more, any longer part of it may be returned

    Raises BadMessage (html_unreadable).
    """
    if not is_safe_to_parse(html):
        return strip_tags(html, max_characters)
    try:
        text = _parse(html)
    except _PARSER_ERRORS as error:
        raise _unreadable(error) from error
    return strip_tags(html, max_characters) if text is None else text


def extract_fragment(markup: str, max_characters: int = sys.maxsize) -> str:
    """Return all visible text of markup that is a part of a page, each paragraph on lines of its own.

    max_characters  as for `extract_text`

    Raises BadMessage (html_unreadable).
    """
    if not is_safe_to_parse(markup):
        return strip_tags(markup, max_characters)
    try:
        tree = HTMLTree.parse(markup)
        text = None if _has_too_many_elements(tree, markup) else _extract(tree, main_content=False)
    except _PARSER_ERRORS as error:
        raise _unreadable(error) from error
    return strip_tags(markup, max_characters) if text is None else text


def is_safe_to_parse(html: str) -> bool:
    """Return whether the parser's time and memory are bounded for this page."""
    if len(html) > MAX_PARSED_CHARACTERS:
        return False
    tags = len(_TAG.findall(html))
    return (
        tags <= MAX_TAGS
        and len(_ROOT_START.findall(html)) <= MAX_ROOT_TAGS
        and len(_LIST_START.findall(html)) * tags <= MAX_LISTS_TIMES_TAGS
        and not _has_too_many_unclosed_tags(html, tags)
        and not _has_too_many_attributes(html, tags)
    )


def strip_tags(html: str, max_characters: int = sys.maxsize) -> str:
    """Return the text between the tags of a page, in time proportional to its length.

    max_characters  where the text has more, any longer part of it may be returned

    Raises BadMessage (html_unreadable) if the page has too many tags and character references.
    """
    tags, references = html.count("<"), html.count("&")
    if tags + _REFERENCE_TAGS * references > MAX_STRIPPED_TAGS:
        detail = (
            f"{tags} tags and {references} character references; the limit is {MAX_STRIPPED_TAGS} tags, "
            f"and a reference counts as {_REFERENCE_TAGS}"
        )
        raise BadMessage(DeadLetterReason.HTML_UNREADABLE, detail)
    text = _BLOCK_TAG.sub("\0", _INVISIBLE.sub(" ", html.replace("\0", "")))
    # unescape() raises ValueError for references with thousands of digits.
    text = unescape(LONG_REFERENCE.sub("", _ANY_TAG.sub("", text)))
    return _collapse_gaps(text, max_characters).strip()


def _collapse_gaps(text: str, max_characters: int) -> str:
    """Replace white space by a line end where a block ends in it, else by a space; stop after `max_characters`."""
    slices, position, characters = [], 0, 0
    while position < len(text) and characters <= max_characters + 1:  # one space may be stripped
        # A slice ends behind a gap. One match a gap: a pattern that searches a block's end from each space takes n * n
        # steps for n spaces.
        end = position + _SLICE_CHARACTERS
        if gap := _GAP.match(text, end):
            end = gap.end()
        slices.append(_GAP.sub(lambda gap: "\n" if "\0" in gap[0] else " ", text[position:end]))
        characters += len(slices[-1])
        position = end
    return "".join(slices)


def _unreadable(error: Exception) -> BadMessage:
    return BadMessage(DeadLetterReason.HTML_UNREADABLE, f"the HTML parser failed: {type(error).__name__}")


def _has_too_many_attributes(html: str, tags: int) -> bool:
    # The search restarts at every tag, so that a misplaced quote hides no tag. Where that may exceed the bound, the
    # tags inside other tags are counted first.
    if tags * len(html) > MAX_INNER_TAGS_TIMES_CHARACTERS:
        inner_tags = tags - len(_COMPLETE_TAG.findall(html))
        if inner_tags * len(html) > MAX_INNER_TAGS_TIMES_CHARACTERS:
            return True
    return _OVERLOADED_TAG.search(html) is not None


def _has_too_many_unclosed_tags(html: str, tags: int) -> bool:
    if len(_FORMATTING_START.findall(html)) * tags <= MAX_UNCLOSED_TIMES_TAGS:
        return False
    # Removed twice, because formatting is nested: a bold word in a link.
    unclosed = _CLOSED_FORMATTING.sub("", _CLOSED_FORMATTING.sub("", html))
    return len(_FORMATTING_START.findall(unclosed)) * tags > MAX_UNCLOSED_TIMES_TAGS


def _parse(html: str) -> str | None:
    """Return the text of a page that is safe to parse; None if the parser created too many elements."""
    tree = HTMLTree.parse(html)
    if _has_too_many_elements(tree, html):
        return None
    tags, blocks = len(_TAG.findall(html)), len(_BLOCK_START.findall(html))
    if blocks <= MAX_BLOCKS and not (blocks * tags > _CHECKED_BLOCKS_TIMES_TAGS and _is_nested_too_deep(tree)):
        main = _extract(tree, main_content=True)
        if len(main.strip()) >= MIN_MAIN_CHARACTERS:
            return main
    return _extract(tree, main_content=False)


def _has_too_many_elements(tree: HTMLTree, html: str) -> bool:
    """Return whether the parser reopened so many formatting elements that extraction would be slow."""
    if len(_FORMATTING_START.findall(html)) * len(_TAG.findall(html)) <= _COUNTED_FORMATTING_TIMES_TAGS:
        return False
    document = tree.document
    return document is not None and len(document.get_elements_by_tag_name("*")) > MAX_ELEMENTS


def _is_nested_too_deep(tree: HTMLTree) -> bool:
    document = tree.document
    return document is not None and any(document.query_selector(selector) is not None for selector in _TOO_DEEP)


def _extract(tree: HTMLTree, *, main_content: bool) -> str:
    # Bullets, image captions and noscript content are not sentences of the article. On news pages they add false
    # matches and no true ones.
    text: str = extract_plain_text(
        tree,
        preserve_formatting=True,
        main_content=main_content,
        list_bullets=False,
        alt_texts=False,
        links=False,
        form_fields=False,
        noscript=False,
    )
    return text
