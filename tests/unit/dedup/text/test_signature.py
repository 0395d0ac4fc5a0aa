"""Shingle hashes to rows and sketch."""

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.text.shingles import Shingles
from reprise.dedup.text.signature import _BLOCK, SKETCH_BITS, minhash_rows, sign

hash_sets = st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=400)


def rows_of_datasketch(hashes: list[int], permutations: int) -> list[int]:
    reference = MinHash(num_perm=permutations, hashfunc=int, scheme="affine32")
    reference.update_batch(hashes)
    return [int(value) for value in reference.hashvalues]


def shingles_of(hashes: list[int], sentence_of: list[int] | None = None) -> Shingles:
    """Shingles in one sentence, or in these sentences."""
    sentences = sentence_of or [0] * len(hashes)
    return Shingles(
        hashes=np.array(hashes, dtype=np.uint32),
        sentences=np.array(sentences, dtype=np.intp),
        words=2 * len(hashes),
    )


@settings(deadline=None)
@given(hashes=hash_sets, permutations=st.integers(1, 128))
def test_rows_are_those_of_datasketch(hashes: set[int], permutations: int) -> None:
    """Over any set of hashes and any number of permutations the rows equal datasketch's."""
    ordered = sorted(hashes)
    rows = minhash_rows(np.array(ordered, dtype=np.uint32), permutations)
    assert rows.tolist() == rows_of_datasketch(ordered, permutations)


@pytest.mark.parametrize("size", [_BLOCK - 1, _BLOCK, _BLOCK + 1, 2 * _BLOCK, 3 * _BLOCK + 17])
def test_rows_of_texts_larger_than_a_block(size: int) -> None:
    """Taking the minimum block by block gives the minimum of all."""
    hashes = np.unique(np.random.default_rng(size).integers(0, 2**32, size, dtype=np.uint32))
    assert minhash_rows(hashes, 40).tolist() == rows_of_datasketch(hashes.tolist(), 40)


@pytest.mark.parametrize("hashes", [[0], [2**32 - 1], [0, 2**32 - 1]])
def test_rows_at_the_edges(hashes: list[int]) -> None:
    """The smallest and the largest hash overflow as they do in datasketch."""
    assert minhash_rows(np.array(hashes, dtype=np.uint32), 64).tolist() == rows_of_datasketch(hashes, 64)


@settings(deadline=None)
@given(hashes=hash_sets, size=st.integers(1, 256))
def test_sketch_is_the_bottom_k(hashes: set[int], size: int) -> None:
    """The sketch holds the smallest distinct hashes, shortened, in ascending order; the size counts all."""
    signature = sign(shingles_of(sorted(hashes)), 8, size)
    assert list(signature.sketch) == sorted({value >> (32 - SKETCH_BITS) for value in hashes})[:size]
    assert (signature.size, signature.words) == (len(hashes), 2 * len(hashes))
    assert len(signature.passages) == len(signature.sketch)


def test_hashes_alike_in_the_kept_bits_count_once() -> None:
    """Of two hashes that differ in the bits cut off, the first gives the passage."""
    signature = sign(shingles_of([0x100, 0x1FF, 0x200], [0, 1, 2]), 8, 256)
    assert signature.sketch == (1, 2)
    assert signature.passages == bytes([0, 1])


@settings(deadline=None)
@given(
    hashes=st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=300, unique=True),
    size=st.integers(1, 256),
    data=st.data(),
)
def test_passages_say_where_a_hash_stands(hashes: list[int], size: int, data: st.DataObject) -> None:
    """Two hashes share a passage just where they share a sentence; numbers begin at 0."""
    ordered = [value << 8 for value in sorted(hashes)]
    sentences = data.draw(st.lists(st.integers(0, 299), min_size=len(ordered), max_size=len(ordered)))
    signature = sign(shingles_of(ordered, sentences), 8, size)
    sampled = sorted(set(sentences[:size]))
    assert [sampled[passage] for passage in signature.passages] == sentences[:size]


def test_the_largest_sketch_fits_a_byte_a_hash() -> None:
    """256 hashes of 256 sentences are numbered 0 to 255."""
    signature = sign(shingles_of([value << 8 for value in range(300)], list(range(300))), 8, 256)
    assert signature.passages == bytes(range(256))
