"""The tables of character classes and normal forms."""

import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from numpy.typing import NDArray

from reprise.dedup.text.characters import Char, classes, normal_forms

W, M = Char.WORD, Char.MARK


@pytest.mark.parametrize(
    ("characters", "expected"),
    [
        ("aßДعñ가अⅧ_", W),
        ("7٣", W | Char.DIGIT),
        ("\u0301\u093f\u20e3", W | M),
        ("漢々ひカ", W | Char.IDEOGRAPH),
        ("ー", W | Char.IDEOGRAPH),
        ("กລខမ", W | Char.COMPLEX),
        ("\u0e31\u0e48", W | M),
        ("\n\r\t\v\f\x85\u2028\u2029", Char.BREAK | Char.SPACE),
        (" \u00a0\u3000\u2009", Char.SPACE),
        (".!?।", Char.STOP),
        ("。។။", Char.STOP | Char.HARD_STOP),
        ("\"'”)]」", Char.CLOSER),
        ("\u00ad\u200b\u200d\ufeff\u2060", Char.IGNORED),
        ("\ufe0f\u034f", W | M | Char.IGNORED),
        ("|•·→■", Char.SEPARATOR),
        ("»›", Char.SEPARATOR | Char.CLOSER),
        (",;-$©#\ud800\U0010ffff", Char(0)),
    ],
)
def test_classes_of_characters(characters: str, expected: Char) -> None:
    """Each kind of character has exactly the classes that the tokeniser relies on."""
    found = {character: Char(int(classes()[ord(character)])) for character in characters}
    assert found == dict.fromkeys(characters, expected)


def test_every_letter_mark_and_number_is_a_word_character() -> None:
    """All that Python knows as letter, mark or number belongs to words, in every script, and nothing else does."""
    wrong = [
        f"U+{code:04X}"
        for code in range(sys.maxunicode + 1)
        if (category := unicodedata.category(chr(code))) != "Cn"  # newer Unicode may have assigned it since
        and bool(classes()[code] & Char.WORD) != (category[0] in "LMN" or chr(code) == "_")
    ]
    assert wrong == []


def test_no_border_stands_inside_a_word() -> None:
    """What ends lines and sentences, or separates, is never a word character, and never invisible."""
    borders = Char.BREAK | Char.SPACE | Char.STOP | Char.HARD_STOP | Char.CLOSER | Char.SEPARATOR
    inside = (classes() & (Char.WORD | Char.IGNORED)) != 0
    assert not (inside & ((classes() & borders) != 0)).any()


def test_every_code_point_normalises_as_in_the_standard_library() -> None:
    """No code point has another form in the table than by itself, whatever versions of Unicode the two know."""
    wrong = [
        f"U+{code:04X}"
        for code, form in enumerate(normal_forms().tolist())
        if form and chr(form) != unicodedata.normalize("NFKC", chr(code)).lower()
    ]
    assert wrong == []


def test_marks_have_no_form_of_their_own() -> None:
    """No mark is in the table, and nothing that would become one: the bound on their number is kept elsewhere."""
    forms = normal_forms()
    marks = (classes()[: len(forms)] & Char.MARK) != 0
    assert not forms[marks].any()
    assert not marks[forms].any()


@pytest.mark.parametrize("table", [classes, normal_forms])
def test_table_is_one_and_cannot_be_changed(table: Callable[[], NDArray[Any]]) -> None:
    """All callers share one table, which nobody can write to."""
    assert table() is table()
    with pytest.raises(ValueError, match="read-only"):
        table()[0] = 1
