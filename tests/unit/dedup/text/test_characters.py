"""Tables of character classes and normal forms."""

import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from numpy.typing import NDArray

from reprise.dedup.text.characters import CharClass, char_classes, normal_forms, source_classes
from tests.text_helpers import reference_form

W, M = CharClass.WORD, CharClass.MARK


@pytest.mark.parametrize(
    ("characters", "expected"),
    [
        ("ع가अⅧ", W),
        ("aßñд", W | CharClass.LOWER),
        ("AÑДǅ", W | CharClass.UPPER),
        ("ơệư", W | CharClass.LOWER | CharClass.VIETNAMESE),
        ("ăđâ", W | CharClass.LOWER),
        ("7٣", W | CharClass.DIGIT),
        ("\u0301\u093f\u20e3", W | M),
        ("\u064e\u0651\u05b8", W | M | CharClass.IGNORABLE),
        ("\u0640", W | CharClass.IGNORABLE),
        ("漢々ひカ", W | CharClass.IDEOGRAPH),
        ("ー", W | CharClass.IDEOGRAPH),
        ("กລខမ", W | CharClass.COMPLEX),
        ("\u0e31\u0e48", W | M),
        ("\n\r\t\v\f\x85\u2028\u2029", CharClass.BREAK | CharClass.SPACE),
        (" \u00a0\u3000\u2009", CharClass.SPACE),
        (".!?।", CharClass.TERMINATOR),
        ("。។။", CharClass.TERMINATOR | CharClass.UNSPACED_TERMINATOR),
        ("\"'”)]」", CharClass.CLOSE),
        ("\u00ad\u200b\u200d\ufeff\u2060", CharClass.IGNORABLE),
        ("\ufe0f\u034f", W | M | CharClass.IGNORABLE),
        ("|•·→■", CharClass.MENU_SEPARATOR),
        ("»›", CharClass.MENU_SEPARATOR | CharClass.CLOSE),
        (",;-_$©#\ud800\U0010ffff", CharClass(0)),
    ],
)
def test_classes_of_characters(characters: str, expected: CharClass) -> None:
    """Each kind of character has exactly the expected classes."""
    actual = {character: CharClass(int(char_classes()[ord(character)])) for character in characters}
    assert actual == dict.fromkeys(characters, expected)


def test_every_letter_mark_and_number_is_a_word_character() -> None:
    """The word characters are the letters, marks and numbers of Python's Unicode data."""
    wrong = [
        f"U+{code:04X}"
        for code in range(sys.maxunicode + 1)
        if (category := unicodedata.category(chr(code))) != "Cn"  # a newer Unicode version may have assigned it
        and bool(char_classes()[code] & CharClass.WORD) != (category[0] in "LMN")
    ]
    assert wrong == []


def test_boundary_characters_are_no_word_characters() -> None:
    """Characters that end lines or sentences, or separate entries, are neither word characters nor ignorable."""
    borders = (
        CharClass.BREAK
        | CharClass.SPACE
        | CharClass.TERMINATOR
        | CharClass.UNSPACED_TERMINATOR
        | CharClass.CLOSE
        | CharClass.MENU_SEPARATOR
    )
    inside = (char_classes() & (CharClass.WORD | CharClass.IGNORABLE)) != 0
    assert not (inside & ((char_classes() & borders) != 0)).any()


def test_normal_forms_equal_the_standard_library() -> None:
    """Each form in the table equals the standard library's, even if their Unicode versions differ."""
    wrong = [
        f"U+{code:04X}"
        for code, form in enumerate(normal_forms().tolist())
        if form and chr(form) != reference_form(chr(code))
    ]
    assert wrong == []


def test_table_of_normal_forms_has_no_marks_that_compose() -> None:
    """The marks with an entry are the ignored vowel marks; other texts with marks go through limit_marks."""
    forms = normal_forms()
    marks = (char_classes()[: len(forms)] & (CharClass.MARK | CharClass.IGNORABLE)) == CharClass.MARK
    assert not forms[marks].any()
    assert not marks[forms].any()


def test_source_classes_keep_the_case() -> None:
    """A capital has the classes of its small letter, but for the case."""
    classes = source_classes()
    assert CharClass(int(classes[ord("B")])) == W | CharClass.UPPER
    assert CharClass(int(classes[ord("b")])) == W | CharClass.LOWER
    assert CharClass(int(classes[ord("Ơ")])) == W | CharClass.UPPER | CharClass.VIETNAMESE
    assert CharClass(int(classes[ord("٣")])) == W | CharClass.DIGIT
    assert CharClass(int(classes[ord("！")])) == CharClass.TERMINATOR


@pytest.mark.parametrize("table", [char_classes, normal_forms, source_classes])
def test_tables_are_shared_and_read_only(table: Callable[[], NDArray[Any]]) -> None:
    """Every call returns the same read-only table."""
    assert table() is table()
    with pytest.raises(ValueError, match="read-only"):
        table()[0] = 1
