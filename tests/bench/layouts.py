"""Lay out the words of a text anew, as feeds, text extractors, transcripts and e-mails do."""

import re
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

#: Words a line of text that was broken anywhere: extractors keep the line breaks of the HTML source.
_WORDS_PER_LINE: Final = (1, 25)

#: Words a line of indented text, about 70 characters.
_WORDS_PER_INDENTED_LINE: Final = 11

#: Ends of sentences and of clauses, in the scripts of the development sets.
_STOPS: Final = re.compile(r"[.!?…؟۔。！？,;:،؛，；：]+(?=\s|$)", re.MULTILINE)

Layout = Callable[[str, Random], str]


def _double_spaces(text: str, _: Random) -> str:
    return re.sub(r" +", "  ", text)


def _add_no_break_spaces(text: str, _: Random) -> str:
    return re.sub(r" +", " \N{NO-BREAK SPACE}", text)


def _remove_stops(text: str, _: Random) -> str:
    return _STOPS.sub("", text)


def _break_anywhere(text: str, random: Random) -> str:
    words, lines = text.split(), []
    while words:
        count = random.randint(*_WORDS_PER_LINE)
        lines.append(" ".join(words[:count]))
        del words[:count]
    return "\n".join(lines)


def _join_lines(text: str, _: Random) -> str:
    return " ".join(text.split())


def _indent(text: str, _: Random) -> str:
    words = text.split()
    starts = range(0, len(words), _WORDS_PER_INDENTED_LINE)
    return "\n".join("        " + " ".join(words[start : start + _WORDS_PER_INDENTED_LINE]) for start in starts)


#: The layouts by name.
LAYOUTS: Final[Mapping[str, Layout]] = {
    "two spaces": _double_spaces,
    "no-break spaces": _add_no_break_spaces,
    "no stops": _remove_stops,
    "lines broken anywhere": _break_anywhere,
    "joined into one line": _join_lines,
    "indented lines": _indent,
}
