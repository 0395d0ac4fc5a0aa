"""Test the comparison of texts by shared word runs against its definition."""

import gzip
import importlib.util
import json
import sys
from collections.abc import Sequence
from itertools import combinations, islice, permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.evaluation.shared_text import RUN_WORDS, SHINGLE_WORDS, SharedText, split_words

#: Texts of few words, so that many share runs.
TEXTS = st.lists(st.lists(st.sampled_from("abc"), max_size=30).map(" ".join), min_size=1, max_size=8)


def grams(words: Sequence[str], length: int) -> set[tuple[str, ...]]:
    """Return the distinct sequences of a length; a shorter text is one sequence."""
    if 0 < len(words) < length:
        return {tuple(words)}
    return {tuple(words[at : at + length]) for at in range(len(words) - length + 1)}


def containment(one: Sequence[str], other: Sequence[str]) -> float:
    a, b = grams(one, SHINGLE_WORDS), grams(other, SHINGLE_WORDS)
    return len(a & b) / max(1, min(len(a), len(b)))


def shared_words(one: Sequence[str], other: Sequence[str]) -> int:
    runs = grams(other, RUN_WORDS)
    covered: set[int] = set()
    for at in range(max(1, len(one) - RUN_WORDS + 1)):
        if tuple(one[at : at + RUN_WORDS]) in runs:
            covered.update(range(at, min(len(one), at + RUN_WORDS)))
    return len(covered)


@given(TEXTS)
def test_the_figures_match_their_definitions(texts: list[str]) -> None:
    """Containment and shared words of all pairs, in both directions, equal those computed from sets."""
    words = [split_words(text) for text in texts]
    compared = SharedText(texts)
    first, second = np.array(list(permutations(range(len(texts)), 2)), dtype=np.int64).reshape(-1, 2).T
    expected = [(words[a], words[b]) for a, b in zip(first, second, strict=True)]
    assert compared.word_counts.tolist() == list(map(len, words))
    assert compared.containments(first, second).tolist() == pytest.approx([containment(*pair) for pair in expected])
    assert compared.shared_words(first, second).tolist() == [shared_words(*pair) for pair in expected]


@given(TEXTS)
def test_all_pairs_that_share_a_run_are_found(texts: list[str]) -> None:
    """Each pair is found once, the smaller number first."""
    words = [split_words(text) for text in texts]
    found = SharedText(texts).pairs()
    expected = [
        (a, b) for a, b in combinations(range(len(texts)), 2) if grams(words[a], RUN_WORDS) & grams(words[b], RUN_WORDS)
    ]
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == expected
    assert found.ignored_runs == 0


def numbered(start: int, count: int) -> str:
    return " ".join(f"w{number}" for number in range(start, start + count))


def test_runs_of_many_texts_find_no_pairs() -> None:
    """A notice in five texts finds no pairs with a bound of four; two texts that share more are found."""
    notice = numbered(0, 10)
    texts = [f"{notice} {numbered(1000 * n, 20)}" for n in range(1, 5)] + [f"{notice} {numbered(1000, 20)}"]
    found = SharedText(texts).pairs(max_texts=4)
    assert (found.first.tolist(), found.second.tolist()) == ([0], [4])
    assert (found.max_texts, found.ignored_runs) == (4, 3)
    assert len(SharedText(texts).pairs(max_texts=5).first) == 10


def test_the_number_of_pairs_is_bounded() -> None:
    """With too many pairs, runs of more texts are ignored first, and the result has the bound that was kept."""
    texts = [numbered(0, 8)] * 6 + [numbered(100, 8)] * 2
    found = SharedText(texts).pairs(max_pairs=10)
    assert (found.first.tolist(), found.second.tolist()) == ([6], [7])
    assert (found.max_texts, found.ignored_runs) == (5, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The RIVER, the river-bank; it's 3.5", ["the", "river", "the", "river", "bank", "it", "s", "3", "5"]),
        ("桥梁关闭了。 ラジオ", ["桥", "梁", "关", "闭", "了", "ラ", "ジ", "オ"]),
        ("الكِتَاب الكـتاب", ["الكتاب", "الكتاب"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("co\u00adoperate \ufb01re ＡＢＣ", ["cooperate", "fire", "abc"]),
        (" \n\t", []),
    ],
)
def test_words_of_several_scripts(text: str, words: list[str]) -> None:
    """Scripts without spaces have a word a character; marks that readers do not need are left out."""
    assert split_words(text) == words


def test_no_texts_and_empty_texts() -> None:
    """Nothing has nothing in common."""
    assert len(SharedText([]).pairs().first) == 0
    empty = SharedText(["", "...", ""])
    pair = np.array([0]), np.array([2])
    assert len(empty.pairs().first) == 0
    assert (empty.containments(*pair).tolist(), empty.shared_words(*pair).tolist()) == ([0.0], [0])


def test_the_figures_match_the_reference_script(
    shared_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a part of the Slavic development set, pairs and containments are those of the script of the sets."""
    spec = importlib.util.spec_from_file_location("truth", shared_dir / "eval" / "truth.py")
    assert spec is not None
    assert spec.loader is not None
    truth = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(truth)
    monkeypatch.setattr(sys, "argv", ["truth.py"])
    with gzip.open(shared_dir / "eval" / "bsnlp-dev.jsonl.gz", "rt", encoding="utf8") as lines:
        texts = [json.loads(line)["text"][:1500] for line in islice(lines, 0, 100)]
    compared = SharedText(texts)
    pairs = compared.pairs()
    vocabulary: dict[str, int] = {}
    values = np.random.default_rng(2).integers(1, 1 << 63, 100_000, dtype=np.uint64)
    ids = [
        values[[vocabulary.setdefault(word, len(vocabulary)) for word in truth.tokens(text)]]
        if truth.tokens(text)
        else values[:0]
        for text in texts
    ]
    fives, eights = ([truth.shingles(each, length) for each in ids] for length in (5, 8))
    expected = {
        (a, b): len(np.intersect1d(fives[a], fives[b])) / max(1, min(len(fives[a]), len(fives[b])))
        for a, b in combinations(range(len(texts)), 2)
        if min(len(ids[a]), len(ids[b])) >= RUN_WORDS and len(np.intersect1d(eights[a], eights[b]))
    }
    keys = list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert len(expected) > 10
    assert dict(zip(keys, compared.containments(pairs.first, pairs.second).tolist(), strict=True)) == pytest.approx(
        expected
    )
