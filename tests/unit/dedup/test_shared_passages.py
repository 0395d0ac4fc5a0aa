"""Passages that unrelated texts share: found in sketches, and without effect on the stories of whole crawls."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from reprise.dedup.overlap import find_overlap
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.shared_passages import ComparedText, find_shared_passages
from reprise.dedup.sketch import Sketch
from reprise.dedup.text.fingerprint import fingerprint
from reprise.index.memory import MemoryIndex
from reprise.model import Article, Signature

RETENTION = Retention(window_seconds=3600, replay_seconds=60)

#: Letters of invented words: the rule must not depend on a language.
ALPHABETS = {"latin": "abdeghiklmnoprstu", "greek": "αβγδεζηθικλμνοπρσ", "arabic": "ابتثجحدرسشصعفقكلم"}


def sketch(*ranges: range) -> Sketch:
    return np.array([value for each in ranges for value in each], dtype=np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherText:
    """A text beside the article; without a number of shingles its sketch has all of them."""

    sketch: Sketch
    shingle_count: int
    source: bytes
    is_weak: bool
    is_near: bool


def other_text(
    text: Sketch, *, shingle_count: int = 0, source: bytes = b"", is_weak: bool = True, is_near: bool = False
) -> OtherText:
    return OtherText(
        sketch=text, shingle_count=shingle_count or len(text), source=source, is_weak=is_weak, is_near=is_near
    )


def article(text: Sketch) -> Signature:
    return Signature(
        rows=bytes(128), sketch=text.tobytes(), sentence_ids=bytes(len(text)), shingle_count=len(text), word_count=100
    )


def passages(texts: Sequence[OtherText], shingle_count: int = 100) -> list[int]:
    """Return the hashes of the passages that an article with the hashes 0 to 99 shares with unrelated texts."""
    overlap = find_overlap(replace(article(sketch(range(100))), shingle_count=shingle_count), texts)
    compared = [
        ComparedText(row=row, source=text.source, is_weak=text.is_weak, is_near=text.is_near)
        for row, text in enumerate(texts)
    ]
    found: list[int] = overlap.hashes[find_shared_passages(overlap, compared)].tolist()
    return found


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        pytest.param([], [], id="no other text"),
        pytest.param([sketch(range(10))], [], id="one other text"),
        pytest.param([sketch(range(10)), sketch(range(20, 30))], [], id="two excerpts"),
        pytest.param([sketch(range(10), range(200, 230))] * 2, [], id="related texts share more"),
        pytest.param(
            [sketch(range(10), range(200, 230)), sketch(range(10), range(300, 330))],
            list(range(10)),
            id="unrelated texts",
        ),
        pytest.param(
            [sketch(range(10), range(200, 230)), sketch(range(8, 20), range(300, 330))], [], id="two hashes are too few"
        ),
        pytest.param(
            [sketch(range(10), range(200, 211)), sketch(range(10), range(210, 230))],
            list(range(10)),
            id="one hash elsewhere is allowed",
        ),
    ],
)
def test_passages_are_found(others: list[Sketch], expected: list[int]) -> None:
    """The article has the hashes 0 to 99; all sketches hold all shingles of their texts."""
    assert passages([other_text(other) for other in others]) == expected


def test_hashes_beyond_a_sketch_are_no_difference() -> None:
    """A sketch of a part of the shingles says nothing about hashes above its largest one."""
    others = [sketch(range(10), range(200, 230)), sketch(range(10), range(200, 230))]
    found = passages([other_text(other, shingle_count=41) for other in others], shingle_count=1000)
    assert found == list(range(10))


def test_copies_of_one_text_are_related() -> None:
    """Two cuts of one report share its first paragraph alone, and each shares more with the report."""
    report = sketch(range(10), range(200, 260))
    cuts = [sketch(range(10), range(200, 230)), sketch(range(10), range(230, 260))]
    texts = [other_text(cut) for cut in cuts]
    assert passages(texts) == list(range(10))
    texts.append(other_text(report, is_weak=False))
    assert passages(texts) == []


def test_two_texts_of_one_source_show_its_template() -> None:
    """The template may be most of both, unless one of them has little other text: then it is an update."""
    pages = [sketch(range(60), range(200 + 40 * page, 240 + 40 * page)) for page in range(2)]
    cases = [(b"a", False, list(range(60))), (b"a", True, []), (b"", False, [])]
    for source, is_near, expected in cases:
        texts = [other_text(page, is_weak=False, source=source, is_near=is_near) for page in pages]
        assert passages(texts) == expected
    strangers = [
        other_text(page, is_weak=False, source=source) for page, source in zip(pages, (b"a", b"b"), strict=True)
    ]
    assert passages(strangers) == []
    earlier = other_text(sketch(range(60), range(200, 210)), is_weak=False, source=b"a")
    update = other_text(pages[1], is_weak=False, source=b"a")
    assert passages([earlier, update]) == []


def sentences(dice: random.Random, letters: str, count: int) -> str:
    def word() -> str:
        return "".join(dice.choices(letters, k=dice.randint(3, 8)))

    return " ".join(" ".join(word() for _ in range(16)) + "." for _ in range(count))


@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("seed", range(3))
def test_a_notice_does_not_join_articles(alphabet: str, seed: int) -> None:
    """Of 60 articles on 20 sites that share only a notice, no story holds more than three."""
    dice = random.Random(f"{alphabet}{seed}")
    letters = ALPHABETS[alphabet]
    notice = sentences(dice, letters, 5)
    index = MemoryIndex(rule=Rule(), retention=RETENTION)
    stories: dict[str, int] = {}
    for number in range(60):
        text = f"{sentences(dice, letters, dice.randint(6, 30))}\n{notice}"
        article = Article(article_id=f"a{number}", text=text, source=f"site{number % 20}.example")
        (decision,) = index.decide("default", [fingerprint(article, Rule())], number)
        stories[decision.story_id] = stories.get(decision.story_id, 0) + 1
    assert max(stories.values()) <= 3
    assert len(stories) >= 54
