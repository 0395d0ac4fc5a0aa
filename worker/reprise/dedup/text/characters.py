"""What each code point is to the tokeniser, from Unicode's own property data (by the `regex` package).

The properties are those of UAX #14 (Line_Break), UAX #15 (NFKC_Quick_Check), UAX #24 (Script_Extensions) and UAX #29
(Sentence_Break).
"""

import sys
import unicodedata
from enum import IntFlag
from functools import cache
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray


class Char(IntFlag):
    """Classes of code points; one may be of several."""

    WORD = 1  #: part of a token: letters, marks, numbers, underscore
    MARK = 2  #: combines with what stands before it, never begins a token
    IDEOGRAPH = 4  #: Han and kana: words are not separated, and are of one or two characters
    COMPLEX = 8  #: Thai, Lao, Khmer, Burmese, ...: words are not separated, and are of several characters
    BREAK = 16  #: ends a line, or is a tab
    SPACE = 32  #: white space, BREAK included
    STOP = 64  #: ends a sentence where white space follows
    HARD_STOP = 128  #: ends a sentence whatever follows (scripts that put no space after it)
    CLOSER = 256  #: quotes and brackets, which may stand between a stop and the space
    IGNORED = 512  #: invisible, and added or lost freely when text is copied: soft hyphens, joiners, byte order marks
    SEPARATOR = 1024  #: what menus and link bars put between their entries
    PAGE_END = 2048  #: stands between the texts that are tokenised together
    DIGIT = 4096  #: a decimal digit of any script


#: What stands between two texts: no code point of Unicode, so that no text holds it.
PAGE_END: Final = sys.maxunicode + 1

_PROPERTIES = {
    Char.WORD: r"[\p{L}\p{M}\p{N}_]",
    Char.MARK: r"\p{M}",
    Char.IDEOGRAPH: r"[[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}]&&\p{L}]",
    Char.COMPLEX: r"[\p{Line_Break=SA}&&[\p{L}\p{N}]]",
    Char.BREAK: r"[\t\p{Line_Break=BK}\p{Line_Break=LF}\p{Line_Break=CR}\p{Line_Break=NL}]",
    Char.SPACE: r"\p{White_Space}",
    Char.STOP: r"[\p{Sentence_Break=STerm}\p{Sentence_Break=ATerm}]",
    Char.HARD_STOP: r"[\p{Sentence_Break=STerm}&&[\p{Script=Common}\p{Script=Myanmar}\p{Script=Khmer}]&&[^!?‽।॥]]",
    Char.CLOSER: r"[\p{Sentence_Break=Close}]",
    Char.IGNORED: r"\p{Default_Ignorable_Code_Point}",
    Char.DIGIT: r"\p{Nd}",
    Char.SEPARATOR: r"[|¦•·‣▪●>›»→■]",
}

#: Characters that normalisation changes, moves, or composes with what stands before them; and every mark, whose number
#: has a bound.
_UNSTABLE: Final = r"[\P{NFKC_QC=Y}\P{ccc=0}\p{M}]"

#: A sigma's lower case depends on its neighbours, and that of this capital is two characters.
_LOWER_BY_CONTEXT: Final = "Σ"
_LOWER_IS_TWO: Final = "İ"


@cache
def classes() -> NDArray[np.uint16]:
    """The classes of every code point, and of PAGE_END, `classes()[code_point]`.

    About 0.15 s to build, 2.2 MB, once a process.
    """
    table = np.zeros(sys.maxunicode + 2, dtype=np.uint16)
    table[PAGE_END] = Char.PAGE_END | Char.BREAK
    every = _every_character()
    for char, pattern in _PROPERTIES.items():
        for run in regex.finditer(f"(?V1){pattern}+", every):
            table[run.start() : run.end()] |= np.uint16(char)
    table.flags.writeable = False
    return table


@cache
def normal_forms() -> NDArray[np.uint32]:
    """The lower case of NFKC, `normal_forms()[code_point]`, where it is one character in any context; else 0.

    0 have marks, what decomposes into several characters or composes with its neighbours, and two letters whose lower
    case is no matter of one character. A text without any of them normalises one character at a time: nothing in it
    composes, and nothing moves. About 0.05 s to build, 4.5 MB, once a process.
    """
    every = _every_character()
    lower = every.replace(_LOWER_BY_CONTEXT, "\0").replace(_LOWER_IS_TWO, "\0").lower()
    table = np.frombuffer(lower.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).copy()
    unstable = "".join(run.group() for run in regex.finditer(f"(?V1){_UNSTABLE}+", every))
    forms = {ord(character): unicodedata.normalize("NFKC", character) for character in unstable}
    table[list(forms)] = 0
    for code_point, form in forms.items():
        if len(form) == 1:
            table[code_point] = table[ord(form)]
    table.flags.writeable = False
    return table


def _every_character() -> str:
    # a tenth of the time that joining single characters takes
    return np.arange(sys.maxunicode + 1, dtype=np.uint32).tobytes().decode("utf-32-le", "surrogatepass")
