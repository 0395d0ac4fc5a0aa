"""Two articles taken apart: places in the text, segments, shared passages, exact figures, the verdict."""

import json
import unicodedata
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reprise
from reprise.dedup.decision import Rule, accepts, compare
from reprise.dedup.retention import Retention
from reprise.dedup.text.code_points import from_code_points
from reprise.dedup.text.prose_filter import MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.tokens import normalise, tokenise
from reprise.explanation.analysis import Explanation, explain
from reprise.explanation.dissection import DissectedArticle, SegmentStatus, dissect, segment_statuses, windows
from reprise.explanation.offsets import source_offsets
from reprise.explanation.passages import shared_runs
from reprise.explanation.verdict import PairOutcome, PairVerdict, compare_exactly, judge
from reprise.index.memory import MemoryIndex
from reprise.messages.decoder import decode_article
from reprise.model import Article, EventType, Message
from tests.decoder_limits import decoder_limits
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


def page(text: str, article_id: str = "x", source: str | None = None) -> DissectedArticle:
    return dissect(article(text, article_id, source), RULE)


def explained(a: str, b: str, source: str | None = None) -> Explanation:
    return explain(article(a, "a", source), article(b, "b", source), RULE)


def sample() -> list[Article]:
    messages = [
        Message(topic="sample", partition=0, offset=number, key=None, value=line)
        for number, line in enumerate(SAMPLE.read_bytes().splitlines())
    ]
    return [decode_article(message, decoder_limits()) for message in messages]


# --- places in the text


@given(st.text(st.characters(codec="utf-16", exclude_categories=["Cs"]), max_size=60))
@example("ΟΔΟΣ ﬁne e\u0301 한 ᄒ\u1161\u11ab soft\u00adhyphen İ")
@example("\u0b47\u0b3e\u0dd9\u0dca \u00a8\u0301x\u0345")
def test_every_character_is_traced_back(text: str) -> None:
    """Each normalised character comes from a range of the text that normalises to text which holds it."""
    tokens, traced = tokenise(normalise(text)), source_offsets(text)
    assert len(traced.begins) == len(traced.ends) == len(tokens.text)
    for character, begin, end in zip(tokens.text, traced.begins, traced.ends, strict=True):
        assert begin < end
        assert character.replace("ς", "σ") in from_code_points(normalise(text[begin:end])).replace("ς", "σ")
    assert all(np.diff(traced.begins) >= 0)


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
def test_tokens_are_found_in_the_text_as_it_was(text: str, expected: list[str]) -> None:
    """A token's range in the original text is the word as it was written."""
    found = page(text)
    assert [found.text[begin:end] for begin, end in zip(found.begins, found.ends, strict=True)] == expected


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


@given(_PAGES)
def test_what_is_said_to_be_kept_is_what_the_worker_keeps(text: str) -> None:
    """A segment is kept where no reason drops it; where each has one, none is, or those that are only short are."""
    tokens = tokenise(normalise(text))
    kept, fates = keep_prose(tokens, MIN_WORDS_TEXT), segment_statuses(tokens, MIN_WORDS_TEXT)
    found = page(text)
    assert [found.segments[segment].kept for segment in tokens.segments] == kept.tolist()
    if SegmentStatus.KEPT in fates:
        assert [segment.kept for segment in found.segments] == [fate is SegmentStatus.KEPT for fate in fates]
    spared = {segment.fate for segment in found.segments if segment.kept} - {SegmentStatus.KEPT}
    assert found.whole == bool(spared)
    assert spared <= {SegmentStatus.TOO_SHORT, SegmentStatus.NO_SENTENCE_END}


@given(_PAGES)
def test_segments_lie_in_the_text_in_their_order(text: str) -> None:
    """Each holds its tokens and no other segment's, and they do not overlap."""
    found = page(text)
    for segment in found.segments:
        assert segment.begin <= found.begins[segment.first] < found.ends[segment.last] <= segment.end
    for one, following in pairwise(found.segments):
        assert one.end <= following.begin
        assert one.last + 1 == following.first


@pytest.mark.parametrize(
    ("text", "fate"),
    [
        ("Latest news from the town", SegmentStatus.TOO_SHORT),
        (TEACHER.replace(".", ""), SegmentStatus.NO_SENTENCE_END),
        ("Town news. | " * 12, SegmentStatus.SEPARATORS),
        ("Copyright 2024 by the publisher. " + TEACHER[:120] + ".", SegmentStatus.LEGAL),
        (TEACHER, SegmentStatus.KEPT),
    ],
)
def test_each_reason_is_told(text: str, fate: SegmentStatus) -> None:
    """A segment beside a paragraph that is kept is dropped for the first reason that holds."""
    segments = page(f"{RIVER}\n{text}").segments
    assert [segment.fate for segment in segments] == [SegmentStatus.KEPT, fate]


@given(_PAGES)
def test_the_shingles_are_the_workers(text: str) -> None:
    """As many distinct ones as the signature has, each first in the same sentence."""
    tokens = tokenise(normalise(text))
    kept = keep_prose(tokens, MIN_WORDS_TEXT)
    found = dissect(article(text), RULE)
    assert [window.token for window in windows(tokens, kept)] == sorted(window.token for window in found.windows)
    if kept.any():
        own = shingles(tokens, kept)
        first = [window.sentence for window in found.shingles().values()]
        assert len(first) == len(own.hashes)
        numbers = {sentence: number for number, sentence in enumerate(dict.fromkeys(tokens.sentences[kept].tolist()))}
        assert sorted(numbers[sentence] for sentence in first) == sorted(own.sentences.tolist())
    else:
        assert found.windows == []


def test_sentences_have_their_own_punctuation() -> None:
    """A sentence ends with its stop and closing quote, and the next begins with its opening one."""
    text = f"She said: “It floods.” “We know,” he said. Then they left… “Why?” ( And so on.)  {RIVER}"
    found = page(text)
    ranges = dict.fromkeys(found.sentence_range(token) for token in range(found.segments[0].last + 1))
    assert [found.text[begin:end] for begin, end in ranges] == [
        "She said: “It floods.”",
        "“We know,” he said.",
        "Then they left…",
        "“Why?”",
        "( And so on.)",
    ]


# --- shared passages


def words_of(found: DissectedArticle, first: int, tokens: int) -> list[int]:
    hashes: list[int] = found.tokens.hashes[first : first + tokens].tolist()
    return hashes


@given(_PAGES, _PAGES)
def test_passages_are_the_same_words_and_never_overlap(a: str, b: str) -> None:
    """Each is one run of kept tokens in both pages, of one segment, and no token is in two of them."""
    one, other = page(a), page(b)
    taken_a: set[int] = set()
    taken_b: set[int] = set()
    for run in shared_runs(one, other):
        assert words_of(one, run.a, run.tokens) == words_of(other, run.b, run.tokens)
        span_a, span_b = range(run.a, run.a + run.tokens), range(run.b, run.b + run.tokens)
        assert one.kept[span_a].all()
        assert other.kept[span_b].all()
        assert len(set(one.tokens.segments[span_a])) == len(set(other.tokens.segments[span_b])) == 1
        assert taken_a.isdisjoint(span_a)
        assert taken_b.isdisjoint(span_b)
        taken_a.update(span_a)
        taken_b.update(span_b)


@pytest.mark.parametrize("code", TABLE)
def test_in_every_language_the_copied_part_is_marked(code: str) -> None:
    """Of the partial reprint the common half is marked on both sides; of an unrelated text nothing counts."""
    row = TABLE[code]
    found = explained(row["base"], row["partial"])
    assert found.evidence
    for passage in found.evidence:
        one, other = (
            normalise(each.text[begin:end]) for each, (begin, end) in ((found.a, passage.a), (found.b, passage.b))
        )
        assert tokenise(one).hashes.tolist() == tokenise(other).hashes.tolist()
    marked = sum(end - begin for begin, end in (passage.b for passage in found.evidence))
    assert 0.2 * len(row["partial"]) < marked < 0.75 * len(row["partial"])
    assert not explained(row["base"], row["unrelated"]).evidence


def test_a_passage_that_was_moved_is_found() -> None:
    """Two paragraphs in the other order are two passages that cross."""
    found = explained(f"{RIVER}\n{TEACHER}", f"{TEACHER}\n{RIVER}")
    assert [(passage.number, passage.run.a > 0) for passage in found.passages] == [(1, True), (2, False)]


@pytest.mark.timeout(60)
def test_a_page_of_one_phrase_is_compared_in_bounded_time() -> None:
    """A phrase repeated five thousand times matches itself everywhere; the work has an end, and the whole is marked."""
    text = "The quick brown fox jumps over the lazy dog. " * 5_000
    found = explained(text, text)
    assert found.verdict.outcome is PairOutcome.EXACT
    assert [passage.run.tokens for passage in found.passages] == [45_000]


# --- the figures and the verdict


def pairs() -> list[tuple[Article, Article]]:
    """Pages of the sample with their neighbours of the same and of other stories, and the table of languages."""
    pages = sample()
    labels = [orjson.loads(line)["story"] for line in SAMPLE.read_bytes().splitlines()]
    same = [(a, b) for (a, x), (b, y) in combinations(zip(pages, labels, strict=True), 2) if x == y]
    table = [
        (article(row["base"], "a"), article(row[name], "b")) for row in TABLE.values() for name in row if name != "name"
    ]
    revised = [(a, replace(b, article_id=a.article_id)) for a, b in same[::20]]
    return same[::3] + revised + list(pairwise(pages)) + table


def decided(a: Article, b: Article) -> tuple[EventType, str | None, float | None]:
    index = MemoryIndex(rule=RULE, retention=Retention(window_seconds=60, replay_seconds=60))
    first, second = dissect(a, RULE).fingerprint, dissect(b, RULE).fingerprint
    index.decide("ns", [first], 1)
    (decision,) = index.decide("ns", [second], 1)
    if decision.trace.replayed:
        return EventType.NEW, "same", None
    return decision.type, decision.kind and decision.kind.value, decision.similarity


def test_the_verdict_is_the_index_s() -> None:
    """For every pair the outcome is what the index decides of the second after the first, as is the similarity."""
    outcomes = set()
    for a, b in pairs():
        verdict = explain(a, b, RULE).verdict
        type_, kind, similarity = decided(a, b)
        outcomes.add(verdict.outcome)
        if verdict.outcome is PairOutcome.NEW:
            assert (type_, kind) == (EventType.NEW, None), (a.article_id, b.article_id)
        else:
            assert kind == verdict.outcome.value, (a.article_id, b.article_id)
        if verdict.outcome in {PairOutcome.NEAR, PairOutcome.PARTIAL}:
            assert verdict.estimate is not None
            assert similarity == pytest.approx(verdict.estimate.similarity, abs=1e-4)
    assert outcomes == set(PairOutcome)


def test_the_same_text_in_two_namespaces_is_two_stories() -> None:
    """Whatever they share, the verdict says what keeps them apart, and the shared text is still shown."""
    a, b = article(RIVER, "a"), replace(article(RIVER, "b"), namespace="news-fr")
    found = explain(a, b, RULE)
    assert found.verdict.outcome is found.reverse.outcome is PairOutcome.NEW
    assert "different namespaces" in found.verdict.sentence
    assert (found.verdict.clauses[0].found, found.verdict.clauses[0].holds) == ("default, news-fr", False)
    assert found.evidence


def test_the_demands_shown_are_those_of_the_rule() -> None:
    """Joined by their "either" and "or", the clauses are the rule's verdict for every pair, within one source too."""
    for (a, b), source in product(pairs()[::4], [None, "one.example"]):
        pages = [
            dissect(Article(article_id=str(n), text=each.text, source=source), RULE) for n, each in enumerate((a, b))
        ]
        verdict = judge(*pages, RULE)
        band, *rest = [clause.holds for clause in verdict.clauses]
        accepted = rest[0] or (len(rest) > 1 and all(rest[1:]))
        assert verdict.estimate is None or accepted == accepts(verdict.estimate, source is not None, RULE)
        if verdict.outcome not in {PairOutcome.EXACT, PairOutcome.SAME}:
            assert verdict.joins == (band and accepted)


def test_small_texts_have_exact_estimates() -> None:
    """A sketch that holds every shingle estimates nothing: its figures are the exact ones."""
    for text in (RIVER, RIVER + " " + TEACHER, TEACHER + "\n" + RIVER[:150] + ".", TABLE["fr"]["near"]):
        one, other = page(RIVER), page(text)
        mine, theirs = other.fingerprint.signature, one.fingerprint.signature
        assert mine is not None
        assert theirs is not None
        assert mine.size < RULE.sketch_size
        assert compare_exactly(one, other, RULE)[0] == compare(mine, theirs.sketch, theirs.size, RULE)


def verdict_of(a: str, b: str, *, ids: tuple[str, str] = ("a", "b"), source: str | None = None) -> PairVerdict:
    return explain(article(a, ids[0], source), article(b, ids[1], source), RULE).verdict


@pytest.mark.parametrize(
    ("verdict", "outcome", "words"),
    [
        (verdict_of(RIVER, MENU + RIVER), PairOutcome.EXACT, "the same words in the same order"),
        (verdict_of(RIVER, RIVER, ids=("a", "a")), PairOutcome.SAME, "gets the decision that was recorded"),
        (verdict_of(RIVER, RIVER + " It rains.", ids=("a", "a")), PairOutcome.REVISION, "is a revision of A"),
        (verdict_of(RIVER, RIVER + " It rains."), PairOutcome.NEAR, "and 50.0 % is enough"),
        (verdict_of(RIVER, FERRY + "\n" + RIVER), PairOutcome.PARTIAL, "copied sentences make up 100.0 %"),
        (verdict_of(RIVER, TEACHER), PairOutcome.NEW, "they share no band"),
        (verdict_of(MENU, RIVER), PairOutcome.NEW, "nothing in A reads like prose"),
        (verdict_of(MENU, MENU), PairOutcome.EXACT, "exact variant"),
        (verdict_of(RIVER, f"{RIVER}\n{TEACHER}\n{FERRY[:150]}.", source="s"),
 PairOutcome.PARTIAL, "one source 30.0 % is"),
        (verdict_of(RIVER, f"{FERRY}\n{RIVER[:120]}.", source="s"), PairOutcome.NEW, "whose pages share boilerplate"),
    ],
)  # fmt: skip
def test_the_verdict_is_one_sentence(verdict: PairVerdict, outcome: PairOutcome, words: str) -> None:
    """Each outcome says what decided it."""
    assert verdict.outcome is outcome
    assert words in verdict.sentence
    assert verdict.sentence.endswith(".")
    assert "\n" not in verdict.sentence


def test_accents_in_either_normal_form_are_marked_as_written() -> None:
    """A decomposed reprint is marked by its own characters, marks included."""
    row = TABLE["fr"]
    found = explained(row["base"], row["near"])
    (begin, end) = found.evidence[0].b
    assert unicodedata.normalize("NFC", found.b.text[begin:end]) != found.b.text[begin:end]
    assert not unicodedata.combining(found.b.text[begin])
    assert end == len(found.b.text) or not unicodedata.combining(found.b.text[end])
