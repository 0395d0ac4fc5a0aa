"""HTML -> plain text with its line breaks, in bounded time and memory.

May live here: what of a page is text. Not: what of the text is worth comparing (reprise/text).

The parser does what browsers do, and what browsers do has costs that grow with the square of a page: many attributes
on one tag, or on many body tags, which are one; many open formatting elements (each paragraph opens all of them anew:
100 KB of markup can ask for more than 6 GB); deep nesting, and lists in lists, whose lines are all indented. Pages that
may cost so much are told by counting and read by a plainer way. By counting, not by a clock, because an article that
comes twice must give the same text twice.
"""

import re
from html import unescape
from typing import Final

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from reprise.errors import BadMessage
from reprise.model import DeadLetterReason

#: Characters of a page that the parser sees. Every cost below is bounded for pages up to this size only.
MAX_PARSED_CHARACTERS: Final = 1_000_000

#: Tags of a page that the parser sees. A long news page has 3,000; 20,000 nested ones are parsed in 0.1 s.
MAX_TAGS: Final = 20_000

#: Attributes of one tag, each compared with all before it: 10,000 take 0.2 s. Scripts and their comparisons ("i<n")
#: can look like tags of some 300, hence not less.
MAX_ATTRIBUTES: Final = 512

#: html and body tags: the attributes of all of them come together on one element. 32 with 500 attributes each take
#: 0.5 s, 1,400 with 100 each some minutes. A page has one of each, and one or two more in its scripts.
MAX_ROOTS: Final = 16

#: Tags inside of tags (a quote out of place, or markup in an attribute) times characters: each may be read to the end
#: of the page when attributes are counted. News pages reach 720,000; this many take 0.2 s.
MAX_REREAD: Final = 100_000_000

#: Lists times tags: a line's indent has two characters for each list that it stands in, so that 90 KB of markup can
#: become 180 MB of text. News pages reach 140,000; this many give 4 MB.
MAX_INDENTED: Final = 2_000_000

#: Unclosed formatting tags times tags: four times the elements that the parser may have to invent. News pages reach
#: 350,000; this many cost 110 MB and 0.5 s at worst.
MAX_REOPENED: Final = 1_000_000

#: div and article tags up to which the main content is looked for: nested, 3,000 take it up to 1 s and 10,000 some 8 s.
MAX_BLOCKS: Final = 3_000

#: Characters of main content below which it is not trusted to be the article, and the whole page is taken.
MIN_MAIN_CHARACTERS: Final = 100

_SPACE: Final = r"[\t\n\f\r ]"
_FORMATTING: Final = r"a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u"

_TAG: Final = re.compile(r"</?[a-zA-Z]")
_BLOCK_START: Final = re.compile(r"<(?:div|article)[\t\n\f\r />]", re.IGNORECASE)
_ROOT_START: Final = re.compile(r"<(?:html|body)[\t\n\f\r />]", re.IGNORECASE)
_LIST_START: Final = re.compile(r"<[uo]l[\t\n\f\r />]", re.IGNORECASE)
_FORMATTING_START: Final = re.compile(rf"<(?:{_FORMATTING})[\t\n\f\r />]", re.IGNORECASE)

# A formatting element with nothing but text inside is closed for certain. Its attributes must be beyond doubt: with
# one quote out of place the parser would see the tag end elsewhere.
_CLOSED_FORMATTING: Final = re.compile(
    rf"""<({_FORMATTING})(?:{_SPACE}+[\w:-]+(?:=(?:"[^"<>]*"|'[^'<>]*'|[\w.:/\#%-]+))?)*+{_SPACE}*+>[^<]*</\1>""",
    re.IGNORECASE | re.ASCII,
)

# An attribute as the HTML standard's tokenizer reads it, odd ones too. Possessive, so that nothing is tried twice.
_ATTRIBUTE: Final = (
    r"[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+"
    rf"(?:{_SPACE}*+={_SPACE}*+(?:\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r >\"'][^\t\n\f\r >]*+)?+)?+"
)
_TAG_TO_ITS_END: Final = re.compile(rf"</?[a-zA-Z][^\t\n\f\r />]*+(?:{_ATTRIBUTE}){{0,{MAX_ATTRIBUTES}}}+")
_CROWDED_TAG: Final = re.compile(rf"</?[a-zA-Z][^\t\n\f\r />]*+(?:{_ATTRIBUTE}){{{MAX_ATTRIBUTES + 1}}}")

# For the plainer way. Each pattern ends at the end of the text where its own end is missing, so that the next search
# does not start over from there.
_UNSEEN: Final = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|noscript|template|textarea)(?![\w-]).*?(?:</\1[^<>]*>?|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_LINE_TAG: Final = re.compile(
    r"</?(?:address|article|aside|blockquote|body|br|caption|center|dd|div|dl|dt|fieldset|figcaption|figure|footer|form"
    r"|h[1-6]|head|header|hr|html|li|main|nav|ol|option|p|pre|section|select|table|td|th|title|tr|ul)(?![\w-])[^<>]*>?",
    re.IGNORECASE,
)
_ANY_TAG: Final = re.compile(r"<[a-zA-Z/!?][^<>]*>?")
_HUGE_REFERENCE: Final = re.compile(r"&#[xX]?[0-9a-fA-F]{8,};?")
_WHITE: Final = re.compile(r"\s+")
_GAP: Final = re.compile(r"[ \n]+")


def extract_text(html: str) -> str:
    """Return the text of a page, paragraphs on lines of their own; may be blank where the page has none.

    The main content if it can be told and is not next to nothing, else everything a reader would see.
    Raises BadMessage (html_unreadable).
    """
    if not _is_tame(html):
        return _plainer_text(html)
    try:
        return _parsed_text(html)
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:
        raise BadMessage(DeadLetterReason.HTML_UNREADABLE, f"the parser gave up: {type(error).__name__}") from error


def _is_tame(html: str) -> bool:
    """Whether the parser's time and memory are known to be bounded for this page."""
    if len(html) > MAX_PARSED_CHARACTERS:
        return False
    tags = len(_TAG.findall(html))
    return (
        tags <= MAX_TAGS
        and len(_ROOT_START.findall(html)) <= MAX_ROOTS
        and len(_LIST_START.findall(html)) * tags <= MAX_INDENTED
        and not _reopens_much(html, tags)
        and not _is_crowded(html, tags)
    )


def _is_crowded(html: str, tags: int) -> bool:
    # The search reads on from every tag, so that no quote out of place hides one from it. What that costs is counted
    # first, where it may be much.
    if tags * len(html) > MAX_REREAD and (tags - len(_TAG_TO_ITS_END.findall(html))) * len(html) > MAX_REREAD:
        return True
    return _CROWDED_TAG.search(html) is not None


def _reopens_much(html: str, tags: int) -> bool:
    if len(_FORMATTING_START.findall(html)) * tags <= MAX_REOPENED:
        return False
    # Twice, because formatting is nested: a bold word in a link.
    unclosed = _CLOSED_FORMATTING.sub("", _CLOSED_FORMATTING.sub("", html))
    return len(_FORMATTING_START.findall(unclosed)) * tags > MAX_REOPENED


def _parsed_text(html: str) -> str:
    tree = HTMLTree.parse(html)
    if len(_BLOCK_START.findall(html)) <= MAX_BLOCKS:
        main = _extract(tree, main_content=True)
        if len(main.strip()) >= MIN_MAIN_CHARACTERS:
            return main
    return _extract(tree, main_content=False)


def _extract(tree: HTMLTree, *, main_content: bool) -> str:
    # Bullets, captions of pictures and what only a browser without scripts shows are no sentences of the article:
    # on news pages they add wrong matches and no right ones.
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


def _plainer_text(html: str) -> str:
    """Everything between the tags, in time proportional to the page."""
    text = _WHITE.sub(" ", _UNSEEN.sub(" ", html))
    text = _ANY_TAG.sub("", _LINE_TAG.sub("\n", text))
    # unescape raises for numbers of thousands of digits
    # one match a gap: a pattern that looks for the line end from every space takes n * n steps for n spaces
    text = unescape(_HUGE_REFERENCE.sub("", text))
    return _GAP.sub(lambda gap: "\n" if "\n" in gap[0] else gap[0], text).strip()
