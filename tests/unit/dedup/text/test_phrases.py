"""Finding phrases of a list in a text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.text.code_points import code_points
from reprise.dedup.text.phrases import compile_phrases, find_phrases

PHRASES = ("©", "all rights", "alle", "copyright", "права", "版权所有", "\U0001f600 on")


def by_hand(text: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(PHRASES, at)]


pieces = st.one_of(st.sampled_from(PHRASES), st.sampled_from(PHRASES).map(lambda phrase: phrase[:-1]), st.text())


@settings(deadline=None)
@given(st.lists(pieces).map("".join))
def test_phrases_are_found_wherever_they_begin(text: str) -> None:
    """In any text just the offsets are found at which one of the phrases stands, inside words and at both ends too."""
    assert sorted(find_phrases(code_points(text), compile_phrases(PHRASES)).tolist()) == by_hand(text)


@pytest.mark.parametrize("phrases", [(), ("©",), ("copyright",)])
def test_lists_of_one_kind_or_none(phrases: tuple[str, ...]) -> None:
    """A list without signs, without longer phrases, or empty is searched like any other."""
    text = "© copyright"
    expected = [text.index(phrase) for phrase in phrases]
    assert find_phrases(code_points(text), compile_phrases(phrases)).tolist() == expected


def test_a_phrase_too_short_to_look_up_is_refused() -> None:
    """Two or three characters are neither a sign nor a phrase."""
    with pytest.raises(ValueError, match="版权"):
        compile_phrases(["©", "copyright", "版权"])
