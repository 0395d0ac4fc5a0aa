"""Tables of character classes and normal forms, one entry for each code point.

The classes come from Unicode properties, as the `regex` package defines them: UAX #14 (Line_Break), UAX #15
(NFKC_Quick_Check), UAX #24 (Script_Extensions) and UAX #29 (Sentence_Break).
"""

import sys
import unicodedata
from enum import IntFlag
from functools import cache
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray


class CharClass(IntFlag):
    """Classes of code points for tokenisation; a code point may have several."""

    WORD = 1  #: part of a token: letters, marks, numbers, underscore
    MARK = 2  #: combines with the character before it and never starts a token
    IDEOGRAPH = 4  #: Han and kana: no spaces between words, which have one or two characters
    COMPLEX = 8  #: Thai, Lao, Khmer, Burmese, ...: no spaces between words, which have several characters
    BREAK = 16  #: a line end or a tab
    SPACE = 32  #: white space, BREAK included
    TERMINATOR = 64  #: ends a sentence if white space follows
    UNSPACED_TERMINATOR = (
        128  #: ends a sentence before any character: terminators of scripts without a space after them
    )
    CLOSE = 256  #: quotes and brackets, which may follow a terminator before the white space
    IGNORABLE = 512  #: invisible, and often added or lost when text is copied: soft hyphens, joiners, byte order marks
    MENU_SEPARATOR = 1024  #: separates the entries of menus and link bars
    TEXT_END = 2048  #: separates texts that are tokenised together
    DIGIT = 4096  #: a decimal digit of any script


#: Separates two texts in one array. It is above Unicode's last code point, so no text contains it.
TEXT_END: Final = sys.maxunicode + 1

_PROPERTIES = {
    CharClass.WORD: r"[\p{L}\p{M}\p{N}_]",
    CharClass.MARK: r"\p{M}",
    CharClass.IDEOGRAPH: r"[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]&&\p{L}]",
    CharClass.COMPLEX: r"[\p{Line_Break=SA}&&[\p{L}\p{N}]]",
    CharClass.BREAK: r"[\t\p{Line_Break=BK}\p{Line_Break=LF}\p{Line_Break=CR}\p{Line_Break=NL}]",
    CharClass.SPACE: r"\p{White_Space}",
    CharClass.TERMINATOR: r"[\p{Sentence_Break=STerm}\p{Sentence_Break=ATerm}]",
    CharClass.UNSPACED_TERMINATOR: (
        r"[\p{Sentence_Break=STerm}&&[\p{Script=Common}\p{Script=Myanmar}\p{Script=Khmer}]&&[^!?‽।॥]]"
    ),
    CharClass.CLOSE: r"[\p{Sentence_Break=Close}]",
    CharClass.IGNORABLE: r"\p{Default_Ignorable_Code_Point}",
    CharClass.DIGIT: r"\p{Nd}",
    CharClass.MENU_SEPARATOR: r"[|¦•·‣▪●>›»→■]",
}

#: Characters that NFKC changes, reorders, or composes with the character before them; and all marks, because their
#: number in a row is limited (see code_points.limit_marks).
_UNSTABLE: Final = r"[\P{NFKC_QC=Y}\P{ccc=0}\p{M}]"

#: The lower case of a capital sigma depends on its neighbours.
_CONTEXTUAL_LOWER_CASE: Final = "Σ"

#: The lower case of this letter has two characters.
_TWO_CHARACTER_LOWER_CASE: Final = "İ"


@cache
def char_classes() -> NDArray[np.uint16]:
    """Return the classes of all code points and of TEXT_END: `char_classes()[code_point]`, shape (1,114,113,).

    The table takes 0.15 s to build and 2.2 MB, once a process.
    """
    table = np.zeros(sys.maxunicode + 2, dtype=np.uint16)
    table[TEXT_END] = CharClass.TEXT_END | CharClass.BREAK
    characters = _all_characters()
    for char_class, pattern in _PROPERTIES.items():
        for run in regex.finditer(f"(?V1){pattern}+", characters):
            table[run.start() : run.end()] |= np.uint16(char_class)
    table.flags.writeable = False
    return table


@cache
def normal_forms() -> NDArray[np.uint32]:
    """Return the lower-case NFKC form of all code points: `normal_forms()[code_point]`, shape (1,114,112,).

    The entry is 0 if the form depends on context or has several characters: marks, characters that decompose or that
    compose with their neighbours, and two letters with a special lower case. A text without a 0 entry can be normalised
    one character at a time, because nothing in it composes or moves. The table takes 0.05 s to build and 4.5 MB, once a
    process.
    """
    characters = _all_characters()
    lower = characters.replace(_CONTEXTUAL_LOWER_CASE, "\0").replace(_TWO_CHARACTER_LOWER_CASE, "\0").lower()
    table = np.frombuffer(lower.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).copy()
    unstable = "".join(run.group() for run in regex.finditer(f"(?V1){_UNSTABLE}+", characters))
    forms = {ord(character): unicodedata.normalize("NFKC", character) for character in unstable}
    table[list(forms)] = 0
    for code_point, form in forms.items():
        if len(form) == 1:
            table[code_point] = table[ord(form)]
    table.flags.writeable = False
    return table


@cache
def white_space() -> str:
    """Return the characters that `str.isspace` is true for; all of them have code points below 2**16."""
    return "".join(character for character in map(chr, range(1 << 16)) if character.isspace())


def _all_characters() -> str:
    """Return all code points in order. Decoding an array takes a tenth of the time of joining single characters."""
    return np.arange(sys.maxunicode + 1, dtype=np.uint32).tobytes().decode("utf-32-le", "surrogatepass")
