"""Search for the phrases of a list in a text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.text.code_points import to_code_points
from reprise.dedup.text.phrases import compile_phrases, find_phrases

PHRASES = ("©", "all rights", "alle", "copyright", "права", "版权所有", "\U0001f600 on")


def reference_offsets(text: str) -> list[int]:
    return [at for at in range(len(text)) if text.startswith(PHRASES, at)]


pieces = st.one_of(st.sampled_from(PHRASES), st.sampled_from(PHRASES).map(lambda phrase: phrase[:-1]), st.text())


@settings(deadline=None)
@given(st.lists(pieces).map("".join))
def test_all_phrases_are_found(text: str) -> None:
    """The offsets of all phrases in any text are found, inside words and at both ends too, and no others."""
    assert sorted(find_phrases(to_code_points(text), compile_phrases(PHRASES)).tolist()) == reference_offsets(text)


@pytest.mark.parametrize("phrases", [(), ("©",), ("copyright",)])
def test_lists_of_one_kind_or_none(phrases: tuple[str, ...]) -> None:
    """An empty list, and a list of single characters or of long phrases alone, can be searched."""
    text = "© copyright"
    expected = [text.index(phrase) for phrase in phrases]
    assert find_phrases(to_code_points(text), compile_phrases(phrases)).tolist() == expected


def test_phrases_of_two_or_three_characters_are_rejected() -> None:
    """The lookup needs heads of four characters; only single characters are searched by themselves."""
    with pytest.raises(ValueError, match="版权"):
        compile_phrases(["©", "copyright", "版权"])
