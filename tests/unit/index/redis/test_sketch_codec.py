"""Sketches as Redis stores them: what is packed comes back, in about two thirds of the bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.dedup.sketch import Sketch
from reprise.index.redis.sketch_codec import decode_sketch, encode_sketch

#: Sampled hashes have 24 bits; the codec takes up to 31.
hash_sets = st.one_of(
    st.sets(st.integers(0, 2**24 - 1), max_size=256),
    st.sets(st.integers(0, 400), max_size=256),
    st.sets(st.integers(0, 2**31 - 1), max_size=40),
)


def _sketch(hashes: set[int]) -> Sketch:
    return np.array(sorted(hashes), dtype=np.uint32)


@given(hash_sets)
def test_a_sketch_is_unpacked_as_it_was_packed(hashes: set[int]) -> None:
    """Dense, sparse and empty sketches, up to the largest number of hashes."""
    unpacked = decode_sketch(encode_sketch(_sketch(hashes)))
    assert unpacked.dtype == np.uint32
    assert unpacked.tolist() == sorted(hashes)


@pytest.mark.parametrize(
    "hashes",
    [[0], [2**24 - 1], [0, 2**24 - 1], list(range(256)), [5, 6, 7, 2**24 - 1], list(range(0, 2**24, 2**16))],
    ids=["zero", "largest", "extremes", "no gaps", "one large gap", "equal gaps"],
)
def test_extreme_gaps_are_packed(hashes: list[int]) -> None:
    """A gap of zero, one that is far above the mean, and a single hash."""
    assert decode_sketch(encode_sketch(_sketch(set(hashes)))).tolist() == hashes


def test_the_packed_form_is_fixed() -> None:
    """An index outlives the worker that wrote it: other bytes need another layout version.

    Count - 1 = 2, k = 1; the gaps 7, 0 and 8 have the low bits 1, 0, 0 and the unary codes 0001, 1, 00001.
    """
    assert encode_sketch(_sketch({7, 8, 17})) == bytes([2, 1, 0b10000000, 0b00011000, 0b01000000])


@pytest.mark.parametrize(("shingles", "most_bytes"), [(300, 585), (600, 555), (5_000, 430)])
def test_a_uniform_sketch_takes_two_thirds_of_its_bytes(shingles: int, most_bytes: int) -> None:
    """256 hashes of 24 bits are 768 bytes; the longer the text, the smaller are the gaps of its sketch."""
    drawn = np.random.default_rng(1).choice(2**24, shingles, replace=False)
    sketch = np.sort(drawn)[:256].astype(np.uint32)
    assert len(encode_sketch(sketch)) <= most_bytes
