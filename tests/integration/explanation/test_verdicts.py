"""The verdicts of `reprise explain` on the pages of the sample, and the time that an explanation takes."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path

import orjson
import pytest

import reprise
from reprise.dedup.comparison import accepts
from reprise.dedup.retention import Retention
from reprise.explanation.analysis import explain
from reprise.explanation.dissection import dissect
from reprise.explanation.verdict import Criterion, PairOutcome, decide_pair
from reprise.index.memory import MemoryIndex
from reprise.messages.decoder import decode_article
from reprise.model import Article, EventType, Message
from tests.decoder_limits import decoder_limits
from tests.unit.explanation.test_analysis import RULE, TABLE, article, explain_texts

SAMPLE = Path(reprise.__file__).parent / "sample" / "crawl.jsonl"


def sample() -> list[Article]:
    messages = [
        Message(topic="sample", partition=0, offset=number, key=None, value=line)
        for number, line in enumerate(SAMPLE.read_bytes().splitlines())
    ]
    return [decode_article(message, decoder_limits()) for message in messages]


@pytest.mark.timeout(60)
def test_repeated_phrase_is_compared_in_bounded_time() -> None:
    """A phrase repeated 5,000 times matches itself everywhere; the work is bounded, and the whole text is marked."""
    text = "The quick brown fox jumps over the lazy dog. " * 5_000
    explanation = explain_texts(text, text)
    assert explanation.verdict.outcome is PairOutcome.EXACT
    assert [passage.run.length for passage in explanation.passages] == [45_000]


def pairs() -> list[tuple[Article, Article]]:
    """Return pairs of sample pages of the same and of other stories, and pairs of texts in each language."""
    pages = sample()
    labels = [orjson.loads(line)["story"] for line in SAMPLE.read_bytes().splitlines()]
    same = [(a, b) for (a, x), (b, y) in combinations(zip(pages, labels, strict=True), 2) if x == y]
    table = [
        (article(row["base"], "a"), article(row[name], "b")) for row in TABLE.values() for name in row if name != "name"
    ]
    revised = [(a, replace(b, article_id=a.article_id)) for a, b in same[::20]]
    return same[::3] + revised + list(pairwise(pages)) + table


def decide_with_index(a: Article, b: Article) -> tuple[EventType, str | None, float | None]:
    index = MemoryIndex(rule=RULE, retention=Retention(window_seconds=60, replay_seconds=60))
    first, second = dissect(a, RULE).fingerprint, dissect(b, RULE).fingerprint
    index.decide("ns", [first], 1)
    (decision,) = index.decide("ns", [second], 1)
    if decision.trace.replayed:
        return EventType.NEW, "same", None
    return decision.type, decision.kind and decision.kind.value, decision.similarity


def test_verdicts_equal_decisions_of_the_index() -> None:
    """For every pair, outcome and similarity equal the index's decision on the second article after the first."""
    outcomes = set()
    for a, b in pairs():
        verdict = explain(a, b, RULE).verdict
        type_, kind, similarity = decide_with_index(a, b)
        outcomes.add(verdict.outcome)
        if verdict.outcome is PairOutcome.NEW:
            assert (type_, kind) == (EventType.NEW, None), (a.article_id, b.article_id)
        else:
            assert kind == verdict.outcome.value, (a.article_id, b.article_id)
        if verdict.outcome in {PairOutcome.NEAR, PairOutcome.PARTIAL}:
            assert verdict.estimate is not None
            assert similarity == pytest.approx(verdict.estimate.similarity, abs=1e-4)
    assert outcomes == set(PairOutcome)


def combine(criteria: Sequence[Criterion]) -> bool:
    """Combine criteria by their words: "either" stands alone, indented lines restrict the "or" lines before them."""
    groups: list[tuple[list[bool], list[bool]]] = []  # alternatives, and the conditions of all of them
    begins_group = True
    for criterion in criteria:
        is_condition = criterion.requirement.startswith("   ")
        if begins_group and not is_condition:
            groups.append(([], []))
        groups[-1][is_condition].append(criterion.is_met)
        begins_group = is_condition or criterion.requirement.startswith("either")
    return any(any(alternatives) and all(conditions) for alternatives, conditions in groups)


def test_criteria_are_those_of_the_rule() -> None:
    """Combined by their "either" and "or", the criteria equal the rule's decision for every pair and source."""
    decisions = set()
    for (a, b), source in product(pairs()[::4], [None, "one.example"]):
        one, other = (
            dissect(Article(article_id=str(n), text=each.text, source=source), RULE) for n, each in enumerate((a, b))
        )
        verdict = decide_pair(one, other, RULE)
        band, *rest = verdict.criteria
        accepted = combine(rest)
        decisions.add((source, accepted))
        assert verdict.estimate is None or accepted == accepts(verdict.estimate, source is not None, RULE)
        if verdict.outcome not in {PairOutcome.EXACT, PairOutcome.SAME}:
            assert verdict.joins == (band.is_met and accepted)
    assert decisions == set(product([None, "one.example"], [False, True]))
