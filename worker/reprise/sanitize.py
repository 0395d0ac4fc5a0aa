"""Text from outside made safe to show: what a page says must not steer the terminal, or turn a line around."""

from typing import Final

import regex

#: Control characters but line ends and tabs: escape sequences begin with one.
_CONTROL: Final = regex.compile(r"[\p{Cc}--[\n\t]]", regex.V1)

#: Embeddings, overrides and isolates: they reach over the end of a cell. The marks that right-to-left prose needs stay.
_DIRECTION: Final = regex.compile("[\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """The text with its control characters visible as U+FFFD, and without what turns direction beyond a line."""
    return _DIRECTION.sub("", _CONTROL.sub("\ufffd", text))


def one_line(text: str, characters: int) -> str:
    """The text on one line, cut to so many characters (2 at least)."""
    line = " ".join(printable(text).split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"
