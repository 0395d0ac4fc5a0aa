"""Compare texts by the word runs that they share, without the index and its sketches.

The figures are exact up to collisions of 64-bit hashes. They judge decisions on articles without labels, so nothing
here uses the worker's text step: menus count as text, and no line is left out.

Containment is the number of distinct shingles that two texts share, divided by the shingles of the text with fewer of
them (Broder, "On the resemblance and containment of documents", 1997). Shared words are the words of one text that
stand in a run of at least RUN_WORDS words that also occurs in the other text.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

import numpy as np
import regex
from numpy.typing import NDArray

#: Words of a shingle. Shingles measure the containment.
SHINGLE_WORDS: Final = 5

#: Words of a run. Two texts on different topics rarely share one.
RUN_WORDS: Final = 8

#: A run that stands in more texts than this finds no pairs, because their number grows with the square of the texts.
MAX_TEXTS_OF_RUN: Final = 400

#: Maximum pairs of texts, for memory: 8 bytes each, three times while they are sorted.
MAX_PAIRS: Final = 20_000_000

#: Letters and digits in a row are a word; in scripts that do not separate words, each character is one.
_UNSEPARATED: Final = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_WORD: Final = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_WORD_OR_CHARACTER: Final = regex.compile(
    rf"{_UNSEPARATED.pattern}|[[\p{{L}}\p{{M}}\p{{N}}]--{_UNSEPARATED.pattern}]+", regex.V1
)

#: Characters that readers do not see or that are optional: format characters, the Arabic tatweel and vowel signs.
_OPTIONAL: Final = regex.compile(r"[\p{Cf}\u0640\u064b-\u065f]")

#: Pairs whose keys are made at once: 64 MB.
_CHUNK_PAIRS: Final = 4_000_000

#: Multiplier of the polynomial hash of a run, odd; and the seed of the words' random values.
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_SEED: Final = 1

Numbers = NDArray[np.int64]
SmallNumbers = NDArray[np.int32]
Hashes = NDArray[np.uint64]


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    text = _OPTIONAL.sub("", normalize("NFKC", text).lower())
    pattern = _WORD_OR_CHARACTER if _UNSEPARATED.search(text) else _WORD  # the simple one is three times as fast
    return pattern.findall(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grams:
    """The word sequences of one length that stand in at least two texts, ordered by text and position.

    numbers    a number for each distinct sequence
    positions  of its first word in its text
    offsets    for each text, where its part of `numbers` begins; one more at the end
    distinct   for each text, its number of distinct sequences, also those of no other text
    """

    numbers: SmallNumbers
    positions: SmallNumbers
    offsets: Numbers
    distinct: Numbers

    @property
    def highest(self) -> int:
        return int(self.numbers.max(initial=-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingPairs:
    """All pairs of texts that share a run, as two arrays of text numbers; the first of a pair is the smaller one.

    max_texts     runs that stand in more texts than this were ignored
    ignored_runs  their number
    """

    first: Numbers
    second: Numbers
    max_texts: int
    ignored_runs: int


class SharedText:
    """The texts of a file, numbered in their order, ready for comparison.

    Memory: about 70 bytes a word while it is built, less afterwards.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        values, bounds = _hash_words(texts)
        self.word_counts: Numbers = np.diff(bounds)
        self._shingles = _index_grams(values, bounds, SHINGLE_WORDS, distinct=True)
        self._runs = _index_grams(values, bounds, RUN_WORDS, distinct=False)

    def containments(self, first: Numbers, second: Numbers) -> NDArray[np.float64]:
        """Return the containment of each pair, 0..1."""
        shared = np.zeros(len(first), dtype=np.int64)
        for pairs, _, owners in _matches(self._shingles, first, second):
            shared[pairs] = np.bincount(owners, minlength=len(pairs))
        distinct = self._shingles.distinct
        return shared / np.maximum(1, np.minimum(distinct[first], distinct[second]))

    def shared_words(self, first: Numbers, second: Numbers) -> Numbers:
        """Return, for each pair, the words of the first text that stand in runs which the second text holds too."""
        words = np.zeros(len(first), dtype=np.int64)
        for pairs, positions, owners in _matches(self._runs, first, second):
            if not len(owners):
                continue
            gaps = np.append(np.minimum(positions[1:] - positions[:-1], RUN_WORDS), RUN_WORDS)
            is_last = np.append(owners[1:] != owners[:-1], True)
            gaps[is_last] = RUN_WORDS
            words[pairs] = np.bincount(owners, weights=gaps, minlength=len(pairs)).astype(np.int64)
        return np.minimum(words, self.word_counts[first])

    def pairs(self, max_texts: int = MAX_TEXTS_OF_RUN, max_pairs: int = MAX_PAIRS) -> SharingPairs:
        """Find all pairs of texts that share a run which stands in at most `max_texts` texts.

        Runs in few texts come first. From the size on at which there would be more than `max_pairs` pairs, runs are
        ignored too.
        """
        texts, starts, sizes = _texts_by_run(self._runs)
        is_chosen = _is_first_of_equal_groups(texts, starts, len(self.word_counts))
        keys = np.zeros(0, dtype=np.int64)
        count, bound = len(self.word_counts), max_texts
        for size in np.unique(sizes[sizes <= max_texts]).tolist():
            groups = texts[starts[is_chosen & (sizes == size), np.newaxis] + np.arange(size)]
            more = _merge(keys, _pair_keys(groups, count))
            if len(more) > max_pairs:
                bound = size - 1
                break
            keys = more
        return SharingPairs(
            first=keys // max(1, count),
            second=keys % max(1, count),
            max_texts=bound,
            ignored_runs=int((sizes > bound).sum()),
        )


def _hash_words(texts: Iterable[str]) -> tuple[Hashes, Numbers]:
    """Return a random value for each word of all texts, and for each text where its words begin, and the end."""
    vocabulary: dict[str, int] = {}
    words, bounds = array("I"), array("Q", [0])
    for text in texts:
        words.extend([vocabulary.setdefault(word, len(vocabulary)) for word in split_words(text)])
        bounds.append(len(words))
    values = np.random.default_rng(_SEED).integers(1, 1 << 63, len(vocabulary), dtype=np.uint64)
    return values[np.frombuffer(words, dtype=np.uint32)], np.array(bounds, dtype=np.int64)


def _index_grams(values: Hashes, bounds: Numbers, length: int, *, distinct: bool) -> _Grams:
    """Find the word sequences of a length that stand in at least two texts, and give each a number.

    A shorter text is one sequence. distinct: keep only the first occurrence of each in its text.
    """
    counts = np.maximum(np.diff(bounds) - (length - 1), np.diff(bounds) > 0)
    owners = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    starts = bounds[:-1].astype(np.int32)
    first_words = np.arange(len(owners), dtype=np.int32)
    first_words += (starts - (np.cumsum(counts) - counts).astype(np.int32))[owners]
    positions = first_words - starts[owners]
    hashes = _hash_grams(values, first_words, bounds[1:].astype(np.int32)[owners], length)
    order = np.argsort(hashes, kind="stable")  # equal hashes stay ordered by text and position
    hashes, owners, positions = hashes[order], owners[order], positions[order]
    is_new_hash = _is_new(hashes)
    is_first_in_text = is_new_hash | _is_new(owners)
    group = np.cumsum(is_new_hash, dtype=np.int32) - 1
    is_shared = np.bincount(group[is_first_in_text], minlength=1)[group] > 1
    kept = is_shared & is_first_in_text if distinct else is_shared
    back = np.argsort(order[kept], kind="stable")
    return _Grams(
        numbers=group[kept][back],
        positions=positions[kept][back],
        offsets=np.append(0, np.cumsum(np.bincount(owners[kept], minlength=len(counts)))),
        distinct=np.bincount(owners[is_first_in_text], minlength=len(counts)),
    )


def _hash_grams(values: Hashes, first_words: SmallNumbers, ends: SmallNumbers, length: int) -> Hashes:
    """Return the hash of the `length` words from each first word on, or of those before the end of its text."""
    hashes = np.zeros(len(first_words), dtype=np.uint64)
    for at in range(length):
        hashes *= _MULTIPLIER
        hashes += np.where(first_words + at < ends, values.take(first_words + at, mode="clip"), np.uint64(0))
        hashes ^= hashes >> np.uint64(29)
    return hashes


def _is_new(values: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return whether each value differs from the one before it."""
    is_new = np.ones(len(values), dtype=bool)
    is_new[1:] = values[1:] != values[:-1]
    return is_new


def _matches(grams: _Grams, first: Numbers, second: Numbers) -> Iterator[tuple[Numbers, Numbers, Numbers]]:
    """Yield the sequences of the first texts that the second ones hold too, for one second text at a time.

    Each item is the pairs with this second text, as positions in `first`; the positions of the sequences in the first
    texts; and for each, the place of its pair among those pairs.
    """
    marks = np.zeros(grams.highest + 2, dtype=bool)
    order = np.argsort(second, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(second[order]) != 0, len(order) > 0)) + 1
    for begin, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=False):
        pairs = order[begin:end]
        text = int(second[pairs[0]])
        own = grams.numbers[grams.offsets[text] : grams.offsets[text + 1]]
        marks[own] = True
        texts = first[pairs]
        starts, lengths = grams.offsets[texts], grams.offsets[texts + 1] - grams.offsets[texts]
        skipped = np.cumsum(lengths) - lengths
        entries = np.arange(int(lengths.sum())) + np.repeat(starts - skipped, lengths)
        hits = np.flatnonzero(marks[grams.numbers[entries]])
        yield pairs, grams.positions[entries[hits]], np.searchsorted(skipped + lengths, hits, side="right")
        marks[own] = False


def _texts_by_run(runs: _Grams) -> tuple[Numbers, Numbers, Numbers]:
    """Return the distinct texts of each run, one run after another, and where each run's texts start, and how many."""
    count = len(runs.offsets)
    texts = np.repeat(np.arange(count - 1), np.diff(runs.offsets))
    keys = np.unique(runs.numbers.astype(np.int64) * count + texts)
    numbers, owners = keys // count, keys % count
    starts = np.flatnonzero(_is_new(numbers))
    return owners, starts, np.diff(np.append(starts, len(numbers)))


def _is_first_of_equal_groups(texts: Numbers, starts: Numbers, count: int) -> NDArray[np.bool_]:
    """Return whether each run is the first one of its set of texts: the others would find the same pairs."""
    is_first = np.zeros(len(starts), dtype=bool)
    if len(starts):
        values = np.random.default_rng(_SEED).integers(1, 1 << 63, count, dtype=np.uint64)
        _, chosen = np.unique(np.add.reduceat(values[texts], starts), return_index=True)
        is_first[chosen] = True
    return is_first


def _pair_keys(groups: Numbers, count: int) -> Numbers:
    """Return all pairs within each group of texts, each once, as keys `first * count + second`, ascending."""
    x, y = np.triu_indices(groups.shape[1], 1)
    keys = np.zeros(0, dtype=np.int64)
    rows = max(1, _CHUNK_PAIRS // len(x))
    for start in range(0, len(groups), rows):
        chunk = groups[start : start + rows]
        keys = _merge(keys, np.unique(chunk[:, x] * count + chunk[:, y]))
    return keys


def _merge(one: Numbers, other: Numbers) -> Numbers:
    """Return the distinct values of two ascending arrays, ascending. A stable sort takes linear time for these."""
    both = np.concatenate([one, other])
    both.sort(kind="stable")
    return both[_is_new(both)]
