"""Explanations: offsets in the text, segments, shared passages, exact values, verdicts."""

import json
import unicodedata
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import reprise
from reprise.dedup.comparison import compare
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import sketch_of
from reprise.dedup.text.code_points import from_code_points
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.prose_filter import MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.tokens import tokenise
from reprise.explanation.analysis import Explanation, explain
from reprise.explanation.dissection import DissectedArticle, SegmentStatus, dissect, find_shingles, segment_statuses
from reprise.explanation.offsets import source_offsets
from reprise.explanation.passages import shared_runs
from reprise.explanation.verdict import PairOutcome, PairVerdict, compare_exactly
from reprise.model import Article
from tests.text_helpers import shingles

RULE = Rule()
TABLE = json.loads((Path(__file__).parents[2] / "data" / "languages.json").read_text(encoding="utf-8"))
SAMPLE = Path(reprise.__file__).parent / "sample" / "crawl.jsonl"

RIVER = (
    "The river commission closed the lower locks at Aldermere on Friday after the water had risen by four metres in "
    "two days. Barges with grain and gravel wait above the town, and the harbour master counts thirty of them already. "
    "Nobody was hurt when the old quay wall gave way in the night, but nine families had to leave their houses."
)
TEACHER = (
    "A retired teacher from the hill villages has mapped every well of the district on foot, three hundred and twelve "
    "in all, with depth and taste. The county archive will print the map next spring, and two farmers have already "
    "found water again where their grandfathers had covered it with slabs."
)
FERRY = TABLE["fr"]["base"]
MENU = "Home\nNews\nSport\nWeather\n"


def article(text: str, article_id: str = "x", source: str | None = None) -> Article:
    return Article(article_id=article_id, text=text, source=source)


def dissect_text(text: str, article_id: str = "x", source: str | None = None) -> DissectedArticle:
    return dissect(article(text, article_id, source), RULE)


def explain_texts(a: str, b: str, source: str | None = None) -> Explanation:
    return explain(article(a, "a", source), article(b, "b", source), RULE)


# --- offsets in the text


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-16", exclude_categories=["Cs"]), max_size=60))
@example("ΟΔΟΣ ﬁne e\u0301 한 ᄒ\u1161\u11ab soft\u00adhyphen İ")
@example("\u0b47\u0b3e\u0dd9\u0dca \u00a8\u0301x\u0345")
def test_every_character_is_traced_back(text: str) -> None:
    """Each normalised character comes from a range of the text whose normal form contains the character."""
    tokens, offsets = tokenise(normalise(text)), source_offsets(text)
    assert len(offsets.starts) == len(offsets.ends) == len(tokens.text)
    for character, start, end in zip(tokens.text, offsets.starts, offsets.ends, strict=True):
        assert start < end
        assert character in from_code_points(normalise(text[start:end]).characters)
    assert all(np.diff(offsets.starts) >= 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L’E\u0301TÉ, ﬁn", ["L", "E\u0301TÉ", "ﬁn"]),
        ("soft\u00adhyphen end", ["soft\u00adhyphen", "end"]),
        ("造纸 ①", ["造", "纸", "①"]),
        ("İzmir ΟΔΟΣ", ["İzmir", "ΟΔΟΣ"]),
        ("㍿", ["㍿"] * 4),
    ],
)
def test_token_ranges_are_the_original_words(text: str, expected: list[str]) -> None:
    """A token's range in the text is the word before normalisation."""
    dissected = dissect_text(text)
    ranges = zip(dissected.token_starts, dissected.token_ends, strict=True)
    assert [dissected.text[start:end] for start, end in ranges] == expected


# --- segments

_PIECES = st.sampled_from(
    [
        RIVER, TEACHER, TEACHER[:60], "Home | News | Sport", "Copyright 2024. All rights reserved.", "© " + TEACHER,
        TABLE["zh"]["base"], TABLE["th"]["base"][:200], "• a. b. c." * 6, "one " * 20, "Short.", "by | " * 9 + ".", "",
    ]
)  # fmt: skip
_PAGES = st.lists(st.tuples(_PIECES, st.sampled_from(["\n", "\t", "  ", "\r\n\n", " ", "\u2028"])), max_size=8).map(
    lambda rows: "".join(piece + gap for piece, gap in rows)
)


@settings(deadline=None)
@given(_PAGES)
@example(f"{TEACHER[:60]}\n" * 3 + "Short.\n")  # hard-wrapped lines, which the worker joins
def test_kept_segments_are_those_of_the_worker(text: str) -> None:
    """A segment without a reason to drop it is kept; if every segment has one, none or only short ones are kept."""
    dissected = dissect_text(text)
    tokens = tokenise(normalise(dissected.text))
    kept, statuses = keep_prose(tokens, MIN_WORDS_TEXT), segment_statuses(tokens, MIN_WORDS_TEXT)
    assert [dissected.segments[segment].kept for segment in tokens.segments] == kept.tolist()
    if SegmentStatus.KEPT in statuses:
        expected = [status is SegmentStatus.KEPT for status in statuses]
        assert [segment.kept for segment in dissected.segments] == expected
    kept_together = {segment.status for segment in dissected.segments if segment.kept} - {SegmentStatus.KEPT}
    assert dissected.kept_together == bool(kept_together)
    assert kept_together <= {SegmentStatus.TOO_SHORT, SegmentStatus.NO_SENTENCE_END}


@settings(deadline=None)
@given(_PAGES)
def test_segments_are_in_order_and_do_not_overlap(text: str) -> None:
    """The range of each segment contains its tokens and no other segment's."""
    dissected = dissect_text(text)
    for segment in dissected.segments:
        first, last = dissected.token_starts[segment.first], dissected.token_ends[segment.last]
        assert segment.start <= first < last <= segment.end
    for one, following in pairwise(dissected.segments):
        assert one.end <= following.start
        assert one.last + 1 == following.first


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Latest news from the town", SegmentStatus.TOO_SHORT),
        (TEACHER.replace(".", ""), SegmentStatus.NO_SENTENCE_END),
        ("Town news. | " * 12, SegmentStatus.SEPARATORS),
        ("Copyright 2024 by the publisher. " + TEACHER[:120] + ".", SegmentStatus.LEGAL),
        (TEACHER, SegmentStatus.KEPT),
    ],
)
def test_each_reason_is_reported(text: str, status: SegmentStatus) -> None:
    """The status of a segment is the first reason to drop it."""
    segments = dissect_text(f"{RIVER}\n{text}").segments
    assert [segment.status for segment in segments] == [SegmentStatus.KEPT, status]


@settings(deadline=None)
@given(_PAGES)
@example(f"{TEACHER[:60]}\n" * 3 + "Short.\n")  # hard-wrapped lines, which the worker joins
def test_shingles_are_those_of_the_worker(text: str) -> None:
    """The distinct shingles and the sentences of their first occurrences agree with hash_shingles."""
    dissected = dissect_text(text)
    tokens = tokenise(normalise(dissected.text))
    kept = keep_prose(tokens, MIN_WORDS_TEXT)
    expected = sorted(shingle.first for shingle in dissected.shingles)
    assert [shingle.first for shingle in find_shingles(tokens, kept)] == expected
    if kept.any():
        of_worker = shingles(tokens, kept)
        first = [shingle.sentence for shingle in dissected.distinct_shingles().values()]
        assert len(first) == len(of_worker.hashes)
        parts = dict.fromkeys(tokens.sentence_parts[kept].tolist())
        numbers = {part: number for number, part in enumerate(parts)}
        assert sorted(numbers[sentence] for sentence in first) == sorted(of_worker.sentences.tolist())
    else:
        assert dissected.shingles == []


def test_lines_are_kept_beside_a_paragraph() -> None:
    """The lines of a live report are kept beside its one paragraph, and the report says that they are no prose."""
    lines = [f"At {hour} the ferry left the quay of the harbour town" for hour in range(3, 23)]
    dissected = dissect_text("\n\n".join([TEACHER, *lines]))
    assert dissected.kept_together
    assert all(segment.kept for segment in dissected.segments)
    assert {segment.status for segment in dissected.segments} == {SegmentStatus.KEPT, SegmentStatus.TOO_SHORT}


def test_positions_are_those_of_the_original_text() -> None:
    """Words that are joined over lines, folded and stripped of marks have their own ranges in the text."""
    text = "The ferry to the\nnorthern islands left the\nharbour LATE on Monday [1] because of a crane,  they said."
    dissected = dissect_text(text)
    assert len(dissected.segments) == 1
    shown = "The ferry to the northern islands left the harbour LATE on Monday because of a crane they said"
    assert " ".join(shown_words(dissected)) == shown
    words = ["Ο", "Δήμος", "ΆΝΩ", "Πόλης", "İzmir", "الـمـدينة", "بَلَد", "ａｂ", "٢٠", "ﬁn"]
    assert shown_words(dissect_text(" ".join(words))) == words


def shown_words(dissected: DissectedArticle) -> list[str]:
    """Return the range of the text of each token."""
    return [dissected.text[start:end] for start, end in zip(dissected.token_starts, dissected.token_ends, strict=True)]


def test_sentences_have_their_own_punctuation() -> None:
    """A sentence ends after its terminator and closing quote; an opening quote belongs to the next sentence."""
    text = f"She said: “It floods.” “We know,” he said. Then they left… “Why?” ( And so on.)  {RIVER}"
    dissected = dissect_text(text)
    tokens = range(dissected.segments[0].last + 1)
    ranges = dict.fromkeys(dissected.sentence_range(token) for token in tokens)
    assert [dissected.text[start:end] for start, end in ranges] == [
        "She said: “It floods.”",
        "“We know,” he said.",
        "Then they left…",
        "“Why?”",
        "( And so on.)",
    ]


# --- shared passages


def token_hashes(dissected: DissectedArticle, first: int, length: int) -> list[int]:
    hashes: list[int] = dissected.tokens.hashes[first : first + length].tolist()
    return hashes


@settings(deadline=None)
@given(_PAGES, _PAGES)
def test_passages_have_equal_words_and_never_overlap(a: str, b: str) -> None:
    """A passage is a run of equal, kept tokens in one segment of each text; no token is in two passages."""
    one, other = dissect_text(a), dissect_text(b)
    covered_a: set[int] = set()
    covered_b: set[int] = set()
    for run in shared_runs(one, other):
        assert token_hashes(one, run.a, run.length) == token_hashes(other, run.b, run.length)
        span_a, span_b = range(run.a, run.a + run.length), range(run.b, run.b + run.length)
        assert one.kept[span_a].all()
        assert other.kept[span_b].all()
        assert len(set(one.tokens.segments[span_a])) == len(set(other.tokens.segments[span_b])) == 1
        assert covered_a.isdisjoint(span_a)
        assert covered_b.isdisjoint(span_b)
        covered_a.update(span_a)
        covered_b.update(span_b)


@pytest.mark.parametrize("code", TABLE)
def test_copied_part_is_marked_in_every_language(code: str) -> None:
    """The common half of a partial reprint is marked on both sides; an unrelated text has no copied passage."""
    row = TABLE[code]
    explanation = explain_texts(row["base"], row["partial"])
    assert explanation.copied_passages
    for passage in explanation.copied_passages:
        one, other = (
            normalise(dissected.text[start:end])
            for dissected, (start, end) in ((explanation.a, passage.a), (explanation.b, passage.b))
        )
        assert tokenise(one).hashes.tolist() == tokenise(other).hashes.tolist()
    marked = sum(end - start for start, end in (passage.b for passage in explanation.copied_passages))
    assert 0.2 * len(row["partial"]) < marked < 0.75 * len(row["partial"])
    assert not explain_texts(row["base"], row["unrelated"]).copied_passages


def test_moved_passage_is_found() -> None:
    """Two paragraphs in the other order are two passages that cross."""
    explanation = explain_texts(f"{RIVER}\n{TEACHER}", f"{TEACHER}\n{RIVER}")
    assert [(passage.number, passage.run.a > 0) for passage in explanation.passages] == [(1, True), (2, False)]


# --- values and verdicts


def test_equal_texts_in_two_namespaces_are_two_stories() -> None:
    """The verdict reports the different namespaces, and the shared text is still shown."""
    a, b = article(RIVER, "a"), replace(article(RIVER, "b"), namespace="news-fr")
    explanation = explain(a, b, RULE)
    verdict = explanation.verdict
    assert verdict.outcome is explanation.reverse.outcome is PairOutcome.NEW
    assert "different namespaces" in verdict.summary
    assert (verdict.criteria[0].actual, verdict.criteria[0].is_met) == ("default, news-fr", False)
    assert explanation.copied_passages


def test_two_pages_of_a_notice_are_two_stories() -> None:
    """The summary says why an exact copy is none. Under one address both are one page."""
    text = "Please confirm that you are not a robot. The site loads as soon as scripts and cookies are allowed."
    a, b = (replace(article(text, each), source="paper.example", url=f"https://paper.example/{each}") for each in "ab")
    verdict = explain(a, b, RULE).verdict
    assert verdict.outcome is PairOutcome.NEW
    assert "no_article" in verdict.summary
    again = replace(b, url=a.url)
    assert explain(a, again, RULE).verdict.outcome is PairOutcome.EXACT


def test_small_texts_have_exact_estimates() -> None:
    """The estimates of a sketch that contains all shingles equal the exact values."""
    for text in (RIVER, RIVER + " " + TEACHER, TEACHER + "\n" + RIVER[:150] + ".", TABLE["fr"]["near"]):
        one, other = dissect_text(RIVER), dissect_text(text)
        mine, theirs = other.fingerprint.signature, one.fingerprint.signature
        assert mine is not None
        assert theirs is not None
        assert mine.shingle_count < RULE.sketch_size
        assert compare_exactly(one, other, RULE)[0] == compare(mine, sketch_of(theirs), theirs.shingle_count, RULE)


def verdict_of(a: str, b: str, *, ids: tuple[str, str] = ("a", "b"), source: str | None = None) -> PairVerdict:
    return explain(article(a, ids[0], source), article(b, ids[1], source), RULE).verdict


@pytest.mark.parametrize(("b", "is_met"), [(f"{RIVER} {TEACHER}", True), (TEACHER, False)])
def test_whole_sentences_of_one_source_have_a_line_of_their_own(b: str, is_met: bool) -> None:
    """The line is met whenever the share of whole sentences is large enough, also if the similarity is, too."""
    verdict = verdict_of(RIVER, b, source="one.example")
    (line,) = [each for each in verdict.criteria if "whole sentences" in each.requirement]
    assert line.is_met is is_met, line


@pytest.mark.parametrize(
    ("verdict", "outcome", "phrase"),
    [
        (verdict_of(RIVER, MENU + RIVER), PairOutcome.EXACT, "the same kept words in the same order"),
        (verdict_of(RIVER, RIVER, ids=("a", "a")), PairOutcome.SAME, "repeats the recorded decision"),
        (verdict_of(RIVER, RIVER + " It rains.", ids=("a", "a")), PairOutcome.REVISION, "is a revision of A"),
        (verdict_of(RIVER, RIVER + " It rains."), PairOutcome.NEAR, "and at least 50.0 % is required"),
        (verdict_of(RIVER, FERRY + "\n" + RIVER), PairOutcome.PARTIAL, "copied sentences make up 100.0 %"),
        (verdict_of(RIVER, TEACHER), PairOutcome.NEW, "share no LSH band"),
        (verdict_of(MENU, RIVER), PairOutcome.NEW, "no prose in A"),
        (verdict_of(MENU, MENU), PairOutcome.EXACT, "exact variant"),
        (verdict_of(RIVER, f"{RIVER}\n{TEACHER}\n{FERRY[:150]}.", source="s"),
 PairOutcome.PARTIAL, "one source at least 30.0 % is"),
        (verdict_of(RIVER, f"{FERRY}\n{RIVER[:120]}.", source="s"), PairOutcome.NEW, "whose pages share boilerplate"),
    ],
)  # fmt: skip
def test_summary_is_one_sentence(verdict: PairVerdict, outcome: PairOutcome, phrase: str) -> None:
    """The summary of each outcome has its reason."""
    assert verdict.outcome is outcome
    assert phrase in verdict.summary
    assert verdict.summary.endswith(".")
    assert "\n" not in verdict.summary


def test_decomposed_accents_are_marked_as_written() -> None:
    """The passages of a decomposed reprint include the combining marks."""
    row = TABLE["fr"]
    explanation = explain_texts(row["base"], row["near"])
    text, (start, end) = explanation.b.text, explanation.copied_passages[0].b
    assert unicodedata.normalize("NFC", text[start:end]) != text[start:end]
    assert not unicodedata.combining(text[start])
    assert end == len(text) or not unicodedata.combining(text[end])
