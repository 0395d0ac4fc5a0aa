"""MinHash rows and sketch of shingle hashes."""

import numpy as np
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.dedup.sketch import sketch_of
from reprise.dedup.text.seeds import SEED_BITS
from reprise.dedup.text.shingles import Shingles
from reprise.dedup.text.signature import SHINGLES_PER_BLOCK, SKETCH_BITS, make_signature, minhash_rows
from reprise.model import FIXED_SEED

hash_sets = st.sets(st.integers(0, 2**32 - 1), min_size=1, max_size=400)


def rows_of_datasketch(hashes: list[int], permutations: int, seed: int = FIXED_SEED) -> list[int]:
    reference = MinHash(num_perm=permutations, seed=seed, hashfunc=int, scheme="affine32")
    reference.update_batch(hashes)
    return [int(value) for value in reference.hashvalues]


def shingles_of(hashes: list[int], sentence_of: list[int] | None = None) -> Shingles:
    """Return shingles with these hashes, all in one sentence or in the given sentences."""
    sentences = sentence_of or [0] * len(hashes)
    return Shingles(
        hashes=np.array(hashes, dtype=np.uint32),
        sentences=np.array(sentences, dtype=np.intp),
        word_count=2 * len(hashes),
    )


@settings(deadline=None)
@given(hashes=hash_sets, permutations=st.integers(1, 128), seed=st.integers(0, 2**SEED_BITS - 1))
def test_rows_equal_datasketch(hashes: set[int], permutations: int, seed: int) -> None:
    """For any set of hashes, any number of permutations and any seed the rows equal those of datasketch."""
    ordered = sorted(hashes)
    rows = minhash_rows(np.array(ordered, dtype=np.uint32), permutations, seed)
    assert rows.tolist() == rows_of_datasketch(ordered, permutations, seed)


@pytest.mark.parametrize(
    "size",
    [
        SHINGLES_PER_BLOCK - 1,
        SHINGLES_PER_BLOCK,
        SHINGLES_PER_BLOCK + 1,
        2 * SHINGLES_PER_BLOCK,
        3 * SHINGLES_PER_BLOCK + 17,
    ],
)
def test_rows_of_texts_larger_than_a_block(size: int) -> None:
    """The minimum over blocks is the minimum over all hashes."""
    hashes = np.unique(np.random.default_rng(size).integers(0, 2**32, size, dtype=np.uint32))
    assert minhash_rows(hashes, 40).tolist() == rows_of_datasketch(hashes.tolist(), 40)


@pytest.mark.parametrize("hashes", [[0], [2**32 - 1], [0, 2**32 - 1]])
def test_rows_of_extreme_hashes(hashes: list[int]) -> None:
    """The smallest and the largest hash overflow as they do in datasketch."""
    assert minhash_rows(np.array(hashes, dtype=np.uint32), 64).tolist() == rows_of_datasketch(hashes, 64)


@settings(deadline=None)
@given(hashes=hash_sets, size=st.integers(1, 256))
def test_sketch_is_the_bottom_k(hashes: set[int], size: int) -> None:
    """The sketch has the smallest distinct hashes, shortened, in ascending order; the size counts all shingles."""
    signature = make_signature(shingles_of(sorted(hashes)), 8, size)
    assert sketch_of(signature).tolist() == sorted({value >> (32 - SKETCH_BITS) for value in hashes})[:size]
    assert (signature.shingle_count, signature.word_count) == (len(hashes), 2 * len(hashes))
    assert len(signature.sentence_ids) == len(sketch_of(signature))


def test_equal_shortened_hashes_count_once() -> None:
    """Of two hashes that differ only in the bits cut off, the first determines the sentence."""
    signature = make_signature(shingles_of([0x100, 0x1FF, 0x200], [0, 1, 2]), 8, 256)
    assert sketch_of(signature).tolist() == [1, 2]
    assert signature.sentence_ids == bytes([0, 1])


@settings(deadline=None)
@given(
    hashes=st.lists(st.integers(0, 2**24 - 1), min_size=1, max_size=300, unique=True),
    size=st.integers(1, 256),
    data=st.data(),
)
def test_passages_are_sentence_numbers(hashes: list[int], size: int, data: st.DataObject) -> None:
    """Two hashes have the same passage if and only if they are in the same sentence; numbers start at 0."""
    ordered = [value << 8 for value in sorted(hashes)]
    sentences = data.draw(st.lists(st.integers(0, 299), min_size=len(ordered), max_size=len(ordered)))
    signature = make_signature(shingles_of(ordered, sentences), 8, size)
    sampled = sorted(set(sentences[:size]))
    assert [sampled[passage] for passage in signature.sentence_ids] == sentences[:size]


def test_sentence_numbers_of_the_largest_sketch_fit_a_byte() -> None:
    """The sentences of 256 hashes are numbered 0 to 255."""
    signature = make_signature(shingles_of([value << 8 for value in range(300)], list(range(300))), 8, 256)
    assert signature.sentence_ids == bytes(range(256))
