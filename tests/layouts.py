"""Lay a text out in the ways that extractors, mail programs, transcribers and authors do.

Each function takes a text, one paragraph a line, and returns the same words with other white space or punctuation.
"""

import random
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Final
from unicodedata import category

Layout = Callable[[str, random.Random], str]

#: The end of a sentence in the scripts of tests/data/languages.json, with closing quotes.
_SENTENCE_END: Final = re.compile(r"(?<=[.!?؟।])([\"'”’»)]*) +|(?<=[。！？។။])([”」』）]*) *")
_STOPS: Final = re.compile(r"(?<!\d)[.!?؟।。！？។။](?=[\"'”’»)」』]*(?:\s|$))|[。！？។။]")
_PUNCTUATION: Final = re.compile(r"[,;:،؛，、；：.!?؟।。！？។။“”\"«»「」『』（）()]")
_UNSPACED: Final = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u4e00-\u9fff]")


def is_unspaced(text: str) -> bool:
    """Return whether most characters are of scripts without spaces between words."""
    return len(_UNSPACED.findall(text)) > len(text) / 2


def sentences(text: str) -> list[str]:
    """Return the sentences of a text without line breaks between them."""
    marked = _SENTENCE_END.sub(lambda end: f"{end.group(1) or end.group(2) or ''}\n", text)
    return [each.strip() for each in marked.split("\n") if each.strip()]


def break_anywhere(text: str, rng: random.Random, shortest: int = 2, longest: int = 14) -> str:
    """Break the lines after 2 to 14 words, or as many characters as 2 to 14 words have; lose the paragraphs."""
    if is_unspaced(text):
        joined = text.replace("\n", "")
        lines, start = [], 0
        while start < len(joined):
            end = start + rng.randint(2 * shortest, 2 * longest)
            while end < len(joined) and category(joined[end]).startswith("M"):
                end += 1
            lines.append(joined[start:end])
            start = end
        return "\n".join(lines)
    words = text.split()
    lines, at = [], 0
    while at < len(words):
        count = rng.randint(shortest, longest)
        lines.append(" ".join(words[at : at + count]))
        at += count
    return "\n".join(lines)


def break_paragraphs(text: str, rng: random.Random) -> str:
    """Break the lines of each paragraph anywhere, some after the first word, as HTML sources do."""
    broken = (break_anywhere(line, rng, 8, 14) for line in text.split("\n"))
    return "\n".join(re.sub(r" ", "\n", line, count=1) if rng.random() < 0.3 else line for line in broken)


def wrap(text: str, rng: random.Random, indent: str = "", end: str = "\n") -> str:
    """Break the lines at one width; a blank line separates paragraphs."""
    width = rng.choice((60, 72, 78)) // (2 if is_unspaced(text) else 1)
    lines = [textwrap.wrap(line, width, initial_indent=indent, subsequent_indent=indent) for line in text.split("\n")]
    return (end + end).join(end.join(paragraph) for paragraph in lines)


def _without_stops(text: str, rng: random.Random) -> str:
    return _STOPS.sub("", text)


def _transcript(text: str, rng: random.Random) -> str:
    """Return the text in one line without punctuation and capitals."""
    return re.sub(r"\s+", " ", _PUNCTUATION.sub(" " if is_unspaced(text) else "", text)).lower().strip()


def _verse(text: str, rng: random.Random) -> str:
    """Break the lines after 4 to 8 words, with a capital at the start of each and no stops."""
    lines = break_anywhere(_without_stops(text, rng), rng, 4, 8).split("\n")
    return "\n".join(line[:1].upper() + line[1:] for line in lines)


def _bullets(text: str, rng: random.Random) -> str:
    """Return each sentence as an item of a list, without its stop."""
    mark = rng.choice(("• ", "- ", "* ", "– "))
    return "\n".join(mark + _without_stops(each, rng).strip() for each in sentences(text))


LAYOUTS: Final[Mapping[str, Layout]] = {
    "paragraphs broken": break_paragraphs,
    "broken anywhere": break_anywhere,
    "broken anywhere, short lines": lambda text, rng: break_anywhere(text, rng, 1, 8),
    "blank lines between broken lines": lambda text, rng: break_anywhere(text, rng).replace("\n", "\n\n"),
    "one line": lambda text, rng: text.replace("\n", "" if is_unspaced(text) else " "),
    "a sentence a line": lambda text, rng: "\n".join(sentences(text)),
    "no stops": _without_stops,
    "transcript": _transcript,
    "verse": _verse,
    "bullets": _bullets,
    "wrapped": wrap,
    "wrapped, CRLF": lambda text, rng: wrap(text, rng, end="\r\n"),
    "indented": lambda text, rng: wrap(text, rng, indent=rng.choice(("  ", "    ", "\t"))),
    "broken and indented": lambda text, rng: textwrap.indent(break_anywhere(text, rng), "    "),
    "two spaces": lambda text, rng: text.replace(" ", "  "),
    "two spaces after sentences": lambda text, rng: "\n".join("  ".join(sentences(line)) for line in text.split("\n")),
    "tabs for spaces": lambda text, rng: text.replace(" ", "\t"),
}
