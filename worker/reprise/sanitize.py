"""Make text from articles and brokers safe to print, so that it cannot control the terminal or reorder a line."""

from typing import Final

import regex

#: Control characters except line feeds and tabs. Every escape sequence starts with one of them.
_CONTROL: Final = regex.compile(r"[\p{Cc}--[\n\t]]", regex.V1)

#: Directional embeddings, overrides and isolates (UAX #9): their effect may reach beyond a table cell. Directional
#: marks are kept, because right-to-left prose needs them.
_DIRECTION: Final = regex.compile("[\u202a-\u202e\u2066-\u2069]")


def make_printable(text: str) -> str:
    """Replace control characters by U+FFFD, and remove embeddings, overrides and isolates of direction."""
    return _DIRECTION.sub("", _CONTROL.sub("\ufffd", text))


def one_line(text: str, max_characters: int) -> str:
    """Return printable text on one line; text longer than `max_characters` (at least 2) ends in an ellipsis."""
    line = " ".join(make_printable(text).split())
    return line if len(line) <= max_characters else line[: max_characters - 1].rstrip() + "…"
