"""Tables of character classes and normal forms, one entry for each code point.

The classes come from Unicode properties, as the `regex` package defines them: UAX #14 (Line_Break), UAX #15
(NFKC_Quick_Check), UAX #24 (Script_Extensions) and UAX #29 (Sentence_Break).
"""

import sys
import unicodedata
from collections.abc import Iterator
from enum import IntFlag
from functools import cache
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray


class CharClass(IntFlag):
    """Classes of code points for tokenisation; a code point may have several."""

    WORD = 1  #: part of a token: letters, marks, numbers
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
    #: invisible or optional, and often added or lost when text is copied: soft hyphens, joiners, byte order marks, the
    #: tatweel that stretches an Arabic word, vowel marks of Arabic and Hebrew
    IGNORABLE = 512
    MENU_SEPARATOR = 1024  #: separates the entries of menus and link bars
    TEXT_END = 2048  #: separates texts that are tokenised together
    DIGIT = 4096  #: a decimal digit of any script
    LOWER = 8192  #: a small letter
    UPPER = 16384  #: a capital letter
    VIETNAMESE = 32768  #: a letter that only Vietnamese has


#: Separates two texts in one array. It is above Unicode's last code point, so no text contains it.
TEXT_END: Final = sys.maxunicode + 1

#: A no-break space is not replaced by a space, as NFKC does: the two together tell a doubled space from a column.
NO_BREAK_SPACE: Final = 0xA0

_VOWEL_MARKS: Final = r"[[\p{scx=Arabic}\p{scx=Hebrew}]&&\p{Mn}]"

_PROPERTIES = {
    CharClass.WORD: r"[\p{L}\p{M}\p{N}]",
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
    CharClass.IGNORABLE: rf"[\p{{Default_Ignorable_Code_Point}}\u0640{_VOWEL_MARKS}]",
    CharClass.DIGIT: r"\p{Nd}",
    CharClass.LOWER: r"\p{Ll}",
    CharClass.UPPER: r"[\p{Lu}\p{Lt}]",
    CharClass.VIETNAMESE: "[ằẳẵắặầẩẫấậềểễếệồổỗốộơờởỡớợưừửữứự]",
    CharClass.MENU_SEPARATOR: r"[|¦•·‣▪●>›»→■]",
}

#: Characters that NFKC changes, reorders, or composes with the character before them; and all marks, because their
#: number in a row is limited (see code_points.limit_marks). Vowel marks are ignored, so their order does not matter.
_UNSTABLE: Final = rf"[[\P{{NFKC_QC=Y}}\P{{ccc=0}}\p{{M}}]--[{_VOWEL_MARKS}&&\p{{NFKC_QC=Y}}]]"

#: Letters whose lower case depends on their neighbours or has two characters.
_LOWER_CASE: Final = {"Σ": "σ", "İ": "i"}

#: Letters that look the same, that one language writes in several ways, or that writers replace freely. The Arabic ones
#: are those of Lucene's normalisers for Arabic and Persian.
_FOLDED_LETTERS: Final = {
    "ς": "σ",  # the form at the end of a word, which capitals do not distinguish
    "ı": "i",  # the capital I of Turkish becomes this letter or the one with a dot
    "ё": "е",
    "ş": "ș",  # Romanian with a cedilla instead of a comma
    "ţ": "ț",
    "ي": "ی",
    "ى": "ی",
    "ك": "ک",
    "أ": "ا",
    "إ": "ا",
    "آ": "ا",
    "ٱ": "ا",
    "ة": "ه",
    "ۀ": "ه",
    "ہ": "ه",
    "ە": "ه",
    "\u02bb": "'",  # apostrophes that are letters to Unicode
    "\u02bc": "'",
}


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
    """Return the folded form of all code points: `normal_forms()[code_point]`, shape (1,114,112,).

    The folded form is the lower-case NFKC form, with one code point for letters that count as equal (see
    _FOLDED_LETTERS), Greek letters without accents, which capitals lack, and ASCII digits for the decimal digits of all
    scripts. The entry is 0 if the form depends on context or has several characters: marks, and characters that
    decompose or that compose with their neighbours. A text without a 0 entry can be normalised one character at a
    time, because nothing in it composes or moves. The table takes 0.1 s to build and 4.5 MB, once a process.
    """
    characters = _all_characters()
    lower = characters
    for capital, small in _LOWER_CASE.items():
        lower = lower.replace(capital, small)
    table = np.frombuffer(lower.lower().encode("utf-32-le", "surrogatepass"), dtype=np.uint32).copy()
    unstable = "".join(run.group() for run in regex.finditer(f"(?V1){_UNSTABLE}+", characters))
    forms = {ord(character): unicodedata.normalize("NFKC", character) for character in unstable}
    table[list(forms)] = 0
    for code_point, form in forms.items():
        if len(form) == 1:
            table[code_point] = table[ord(form)]
    table[NO_BREAK_SPACE] = NO_BREAK_SPACE
    folded = np.arange(len(table), dtype=np.uint32)
    for code_point, letter in _folded_letters(characters):
        folded[code_point] = letter
    table = folded.take(table)
    table.flags.writeable = False
    return table


def _folded_letters(characters: str) -> Iterator[tuple[int, int]]:
    """Yield small letters and digits with the code point that stands for each."""
    for letter, other in _FOLDED_LETTERS.items():
        yield ord(letter), ord(other)
    for run in regex.finditer(r"(?V1)[[\p{Script=Greek}&&\p{Ll}]--ς]+", characters):
        for letter in run.group():
            yield ord(letter), ord(unicodedata.normalize("NFD", letter)[0])
    for run in regex.finditer(r"\p{Nd}+", characters):
        for digit in run.group():
            value = unicodedata.digit(digit, None)  # unknown to an older Unicode version than that of the properties
            if value is not None:
                yield ord(digit), ord("0") + value


@cache
def source_classes() -> NDArray[np.uint16]:
    """Return the classes of the normal form of each code point, and the case of the code point itself.

    The shape is (1,114,112,). Where the form depends on context, the classes are those of the code point.
    """
    classes, forms = char_classes(), normal_forms()
    case = np.uint16(CharClass.LOWER | CharClass.UPPER)
    table = (classes.take(np.where(forms, forms, np.arange(len(forms), dtype=np.uint32))) & ~case) | (
        classes[:-1] & case
    )
    table.flags.writeable = False
    return table


@cache
def white_space() -> str:
    """Return the characters that `str.isspace` is true for; all of them have code points below 2**16."""
    return "".join(character for character in map(chr, range(1 << 16)) if character.isspace())


def _all_characters() -> str:
    """Return all code points in order. Decoding an array takes a tenth of the time of joining single characters."""
    return np.arange(sys.maxunicode + 1, dtype=np.uint32).tobytes().decode("utf-32-le", "surrogatepass")
