"""Hashes of the shingles of kept tokens."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.text.hashing import window_hashes
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.shingles import Shingles
from reprise.dedup.text.tokens import COMPLEX_PER_SHINGLE, Tokens, tokenise
from tests.text_helpers import shingles

#: Bit of a hash that marks a shingle with a digit: the lowest of the 24 bits that a sketch keeps.
DIGIT = 1 << 8


def of(text: str, kept: list[bool] | None = None) -> Shingles:
    tokens = tokenise(normalise(text))
    return shingles(tokens, np.array(kept if kept is not None else [True] * len(tokens), dtype=np.bool_))


def reference_shingles(tokens: Tokens, kept: list[bool]) -> dict[int, tuple[int, int]]:
    """Return hash -> (number of the part of a sentence, number of the segment), computed one shingle at a time."""
    indexes = [index for index in range(len(tokens)) if kept[index]]
    by_sentence: dict[int, list[int]] = {}
    for index in indexes:
        by_sentence.setdefault(int(tokens.sentences[index]), []).append(index)
    part_numbers = {part: number for number, part in enumerate(dict.fromkeys(tokens.sentence_parts[indexes].tolist()))}
    expected: dict[int, tuple[int, int]] = {}
    for members in by_sentence.values():
        for at, index in enumerate(members):
            length = int(tokens.shingle_lengths[index])
            if at and at + length > len(members):
                continue
            run = tokens.hashes[members[at : at + length]]
            value = int(window_hashes(run, np.array([0]), np.array([len(run)]))[0]) >> 32
            has_digit = tokens.has_digit[members[at : at + length]].any()
            value = value | DIGIT if has_digit else value & ~DIGIT
            expected.setdefault(value, (part_numbers[int(tokens.sentence_parts[index])], int(tokens.segments[index])))
    return expected


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["ba", "de", "fi", "漢", "字", "か", "กิ", "ไท", "de.", "fi!", "字。", "\n", "ga " * 80]),
        min_size=1,
        max_size=60,
    ),
    st.randoms(use_true_random=False),
)
def test_shingles_equal_the_reference(pieces: list[str], rng: random.Random) -> None:
    """On any mix of scripts, sentences and dropped segments, hashes and sentences equal those of a plain loop."""
    tokens = tokenise(normalise(" ".join(pieces)))
    dropped = {segment for segment in tokens.segments.tolist() if rng.random() < 0.3}
    kept = [segment not in dropped for segment in tokens.segments.tolist()]
    if not any(kept):
        return
    of_arrays = shingles(tokens, np.array(kept))
    expected = reference_shingles(tokens, kept)
    assert of_arrays.hashes.tolist() == sorted(expected)
    assert of_arrays.sentences.tolist() == [expected[value][0] for value in sorted(expected)]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("one two three four five.", 3),
        ("one two three.", 1),
        ("one two.", 1),
        ("one.", 1),
        ("one two three. four five six.", 2),
        ("One two three\nFour five six", 2),
        ("one two three. one two three. One, TWO: three!", 1),
        ("造纸作坊开工了。", 3),
        ("造纸。", 1),
        ("ก" * COMPLEX_PER_SHINGLE + "ข", 2),
    ],
)
def test_shingles_stay_within_a_sentence(text: str, count: int) -> None:
    """A sentence of n tokens has n - length + 1 shingles, at least one; no shingle crosses a sentence end."""
    assert len(of(text).hashes) == count


def test_dropped_tokens_are_not_bridged() -> None:
    """A text with a dropped segment has the same shingles as a text without that segment."""
    whole, without = "one two three four.\nmenu\nfive six seven eight.", "one two three four.\nfive six seven eight."
    kept = [True] * 4 + [False] + [True] * 4
    assert of(whole, kept).hashes.tolist() == of(without).hashes.tolist()


def test_order_and_number_of_words_matter() -> None:
    """Other orders of the same words and runs of other lengths have other hashes."""
    assert (
        len({int(of(text).hashes[0]) for text in ("a b c.", "a c b.", "c b a.", "a b.", "a.", "a a.", "a a a.")}) == 7
    )


@pytest.mark.parametrize(
    ("text", "marked"),
    [("one two three four", 0), ("in 1998 it closed", 2), ("it had 3.4 million people", 4), ("१२ लोग आए थे", 1)],
)
def test_shingles_with_a_digit_are_marked(text: str, marked: int) -> None:
    """A shingle with a digit of any script is marked, and no other."""
    assert int(((of(text).hashes & DIGIT) != 0).sum()) == marked
