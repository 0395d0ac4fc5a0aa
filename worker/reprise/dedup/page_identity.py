"""Make the identity of a page that may show a notice in place of an article; see no_article.py. Pure."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from unicodedata import normalize
from urllib.parse import parse_qsl, unquote, urlsplit

from reprise.model import Article, Page

#: Maximum characters of a notice: long consent notices.
_MAX_CHARACTERS: Final = 2_000

#: Maximum characters of a notice on pages that have no title, or an id in place of an address. The addresses of a chain
#: of papers show that their copies of a report are one page, the ids do not; and without titles, copies of an article
#: under several addresses look like a notice.
_MAX_CHARACTERS_WITHOUT_ADDRESS_OR_TITLE: Final = 600

#: Maximum tokens with digits: a notice has an id, a time and an address. Tables differ by their figures.
_MAX_FIGURES: Final = 8

#: A text of this many characters at most is shorter than the reports that sites reprint under headlines of their own.
_BRIEF_CHARACTERS: Final = 300

#: An ideograph counts as this many characters: three characters of an alphabet are half a word, one ideograph as well.
_IDEOGRAPH_CHARACTERS: Final = 3

#: Characters at the start of a text that show its script.
_SCRIPT_CHARACTERS: Final = 100

#: Share of a title, by letters of its longer words, that the text of an article mentions. Of real articles of up to
#: 2,500 characters, 83 to 93 % reach it; of pairs of a real title and a notice, 0 to 0.5 %.
_MENTIONED_SHARE: Final = 0.4

#: Letters of a word of a title at least: shorter ones are mostly articles and prepositions.
_TITLE_WORD_LETTERS: Final = 4

#: Longer words that a title must have to distinguish a page: "Title of 1" and "News" do not.
_MIN_TITLE_PIECES: Final = 2

#: Letters at the end of a word that may differ by inflection.
_SUFFIX_LETTERS: Final = 2

_WORD: Final = re.compile(r"[^\W\d_]+")
#: Scripts that do not separate words: Thai, Lao, Burmese, Khmer, Japanese, Chinese.
_UNSEPARATED: Final = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
#: Parts of a title, such as the headline and the name of the site.
_TITLE_SEPARATOR: Final = re.compile(r"\s+[|–—:»·-]+\s+")

#: Letters, digits and the signs inside of ids, times and host names.
_TOKEN: Final = re.compile(r"[^\W_]+(?:[-_.:/@+=][^\W_]+)*")
#: Letters or digits of an id at least: shorter ones may be figures of an article.
_ID_CHARACTERS: Final = 6
#: A number that is written without separators of thousands; articles write such figures with separators.
_NUMBER_ID: Final = re.compile(r"\d{5,}")
#: A token that changes between letters and digits three times, such as "a1b2".
_MIXED_ID: Final = re.compile(r"[^\W\d_]\d+[^\W\d_]+\d|\d[^\W\d_]+\d+[^\W\d_]")
#: Words before an id, however short it is. Notices of many languages use them.
_ID_NAMES: Final = frozenset({"id", "ray", "ref", "reference", "incident", "request", "session", "trace", "ticket"})
_HOST: Final = re.compile(r"[^\W_][\w-]*(?:\.[\w-]+)*\.[^\W\d_]{2,}(?:[/:].*)?")
#: A time, a date with two separators, an IP address. Decimals and ranges ("7.5", "12-1/2") are figures of an article.
_CLOCK_OR_DATE: Final = re.compile(
    r"\d{1,2}:\d\d(?::\d\d)?\w{0,3}|\d{1,4}([/.-])\d{1,2}\1\d{1,4}|\d{1,3}(?:\.\d{1,3}){3}"
)
_DAY: Final = re.compile(r"\d{1,2}(?:st|nd|rd|th)?")
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
#: A short word beside a number of a date or a time may be a month, a weekday or a time zone.
_DATE_WORD: Final = re.compile(r"[^\W\d_]{1,12}")
#: Letters of a word at least that is dropped because the name of the source contains it.
_SITE_WORD_LETTERS: Final = 4

#: Segments of an address that name a form of a page.
_FORMS: Final = frozenset(
    {
        "amp",
        "print",
        "printable",
        "mobile",
        "m",
        "index",
        "default",
        "full",
        "single",
        "page",
        "all",
        "comments",
        "html",
    }
)
_EXTENSION: Final = re.compile(r"\.(?:amp|html?|xhtml|php\d?|aspx?|jsp|cgi|do|shtml)\b", re.IGNORECASE)
#: Names of query parameters that select a page.
_ID_PARAMETER: Final = re.compile(r"(?:\w*id|p|n|a|no|story|article|news|doc|key|item|cid|aid|nid)", re.IGNORECASE)
_DIGITS: Final = re.compile(r"\d")


#: Size of the cache of names of sources, at some 2 KB each.
_CACHED_SOURCES: Final = 4_096


def identify_page(article: Article) -> Page | None:
    """Return the identity of a page that may show a notice.

    Returns None if the text is long or mentions the title, and for a page that has neither an address nor a title: its
    id does not show that it is another page of the site.
    """
    if len(article.text) > _MAX_CHARACTERS:
        return None
    text = article.text.casefold()
    length = len(text) * (_IDEOGRAPH_CHARACTERS if _UNSEPARATED.search(text[:_SCRIPT_CHARACTERS]) else 1)
    address = article.url or article.article_id
    has_address = "://" in address
    if not has_address and not article.title:
        return None
    if length > _MAX_CHARACTERS_WITHOUT_ADDRESS_OR_TITLE and not (has_address and article.title):
        return None
    if article.title and mentions_title(text, article.title):
        return None
    skeleton = _skeleton(article.text, article.source)
    if not skeleton:
        return None
    words, numbers = _split_address(address)
    return Page(
        text_key=_hash(skeleton, 8),
        source=_hash((article.source or "").casefold(), 4),
        path_words=_hash(words, 3),
        path_numbers=_hash(numbers, 3),
        title=_hash(_title_key(article.title), 4) if article.title else b"",
        is_brief=length <= _BRIEF_CHARACTERS,
    )


def mentions_title(text: str, title: str) -> bool:
    """Return whether a text, in lower case, mentions a title, other than by its short words."""
    pieces = list(_title_pieces(title.casefold()))
    missing = _MENTIONED_SHARE * sum(weight for _, weight in pieces)
    for piece, weight in pieces:
        missing -= weight if piece in text else 0
        if missing <= 0:
            return True
    return False


def _title_pieces(title: str) -> Iterator[tuple[str, int]]:
    """Yield the stems of the longer words of a title, pairs of characters in unseparated scripts, with weights."""
    is_unseparated = _UNSEPARATED.search(title)
    for word in _WORD.findall(title):
        if is_unseparated and _UNSEPARATED.search(word):
            yield from ((word[at : at + 2], 2) for at in range(len(word) - 1))
        elif len(word) >= _TITLE_WORD_LETTERS:
            yield word[: max(_TITLE_WORD_LETTERS, len(word) - _SUFFIX_LETTERS)], len(word)


def _skeleton(text: str, source: str | None) -> str:
    """Return the words of a text without those that differ between copies of a notice: ids, times, names of the site.

    A text of nothing else is returned as it is; "" for a text with many figures.
    """
    text = normalize("NFKC", text)
    tokens = _TOKEN.findall(text)
    mixed = [at for at, token in enumerate(tokens) if not token.isalpha()]
    if sum(_DIGITS.search(tokens[at]) is not None for at in mixed) > _MAX_FIGURES:
        return ""
    dropped = {at for at in mixed if _is_id(tokens[at]) or (at and tokens[at - 1].casefold() in _ID_NAMES)}
    dropped |= _date_tokens(tokens, mixed)
    folded = text.casefold()
    if any(part in folded for part in _name_parts(source or "")):
        dropped |= _site_tokens(text, source or "")
    kept = [token for at, token in enumerate(tokens) if at not in dropped] if dropped else tokens
    return " ".join(kept or tokens).casefold()


def _is_id(token: str) -> bool:
    """Return whether a token that is no word is an id or an address: it differs between copies of a notice."""
    if _HOST.fullmatch(token) or _NUMBER_ID.fullmatch(token) or _MIXED_ID.search(token):
        return True
    return len(token) >= _ID_CHARACTERS and _DIGITS.search(token) is not None and _WORD.search(token) is not None


def _date_tokens(tokens: Sequence[str], mixed: Sequence[int]) -> set[int]:
    """Return the tokens of dates and times, with the words beside their numbers; `mixed` are no words."""
    numbers: set[int] = set()
    for at in mixed:
        if _CLOCK_OR_DATE.fullmatch(tokens[at]):
            numbers.add(at)
        elif _YEAR.fullmatch(tokens[at]):
            days = [day for day in (at - 1, at - 2) if day >= 0 and _DAY.fullmatch(tokens[day])]
            numbers.update([at, *days] if days else [])
    # "28 Nov 2026 06:54": the numbers before a time, directly or behind one word, belong to it
    for at in reversed(mixed):
        if numbers.intersection((at + 1, at + 2)) and (_DAY.fullmatch(tokens[at]) or _YEAR.fullmatch(tokens[at])):
            numbers.add(at)
    beside = {at + step for at in numbers for step in (-1, 1)} - numbers
    return numbers | {at for at in beside if 0 <= at < len(tokens) and _DATE_WORD.fullmatch(tokens[at])}


@lru_cache(maxsize=_CACHED_SOURCES)
def _name_parts(source: str) -> frozenset[str]:
    """Return the parts of the name of a source that a text with the name must have."""
    name = _letters(source)
    return frozenset(name[at : at + _SITE_WORD_LETTERS] for at in range(len(name) - _SITE_WORD_LETTERS + 1))


def _letters(source: str) -> str:
    return "".join(_WORD.findall(source.casefold()))


def _site_tokens(text: str, source: str) -> set[int]:
    """Return the words that the name of the source contains, with the capitalised words beside them."""
    name = _letters(source)
    matches = list(_TOKEN.finditer(text))
    found: set[int] = set()
    for at, match in enumerate(matches):
        word = match[0].casefold()
        if len(word) < _SITE_WORD_LETTERS or word not in name:
            continue
        found.add(at)
        for step in (-1, 1):
            beside = at + step
            while 0 <= beside < len(matches) and matches[beside][0][:1].isupper():
                first, second = sorted((beside, beside - step))
                if text[matches[first].end() : matches[second].start()] != " ":
                    break
                found.add(beside)
                beside += step
    return found


def _title_key(title: str) -> str:
    """Return the longest part of a title in letters and digits: without the name of the site.

    Returns "" for a title that is too short to distinguish a page.
    """
    if sum(1 for _ in _title_pieces(title.casefold())) < _MIN_TITLE_PIECES:
        return ""
    part = max(_TITLE_SEPARATOR.split(normalize("NFKC", title)), key=len)
    return " ".join(re.findall(r"[^\W_]+", part.casefold()))


def _split_address(address: str) -> tuple[str, str]:
    """Return the words and the numbers of the part of an address, or of an id, that selects the page."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return address, ""
    path = unquote(parts.path if parts.netloc else address).casefold()
    segments = [_EXTENSION.sub("", segment) for segment in path.split("/")]
    is_script = _EXTENSION.search(path.rpartition("/")[2]) is not None
    segments = [segment for segment in segments if segment and segment not in _FORMS]
    # "/some-long-title/2" is the second page of an article
    if len(segments) > 1 and re.fullmatch(r"\d{1,2}", segments[-1]) and "-" in segments[-2]:
        del segments[-1]
    slug = segments[-1] if segments else ""
    if not slug or (is_script and not _DIGITS.search(slug)):
        values = [value for name, value in parse_qsl(parts.query) if _ID_PARAMETER.fullmatch(name) and value]
        slug = values[0].casefold() if values else slug
    tokens = re.findall(r"[^\W_]+", slug)
    words = [token for token in tokens if token.isalpha()]
    return "-".join(words), "-".join(token for token in tokens if not token.isalpha())


def _hash(text: str, size: int) -> bytes:
    """Return some bytes that stand for a text; b"" for an empty one."""
    if not text:
        return b""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size, person=b"reprise.page").digest()
