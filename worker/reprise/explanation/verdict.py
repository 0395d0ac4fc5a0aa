"""Decide one article after another as the index would, with estimates, exact values and a summary."""

from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from reprise.dedup.comparison import (
    REPLACED_FIGURES,
    SENTENCE_HASHES,
    WHOLE_SENTENCE,
    Comparison,
    accepts,
    compare,
    comparison_of,
    count_shared_rows,
    is_short_copy,
    is_update,
)
from reprise.dedup.decision import kind_of, source_key
from reprise.dedup.no_article import shows_notice
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import sketch_of
from reprise.explanation.dissection import DissectedArticle
from reprise.model import Kind


class PairOutcome(StrEnum):
    """The decision on an article in an index that contains one other article alone."""

    SAME = "same"  #: the same article with the same text: the worker repeats the recorded decision
    EXACT = "exact"
    REVISION = "revision"
    NEAR = "near"
    PARTIAL = "partial"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """A requirement of the rule, the actual value, and whether the value meets it. Reports show the texts."""

    requirement: str
    actual: str
    is_met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PairVerdict:
    """The decision on article `b` in an index that contains article `a` alone.

    summary           one sentence: the outcome and its reason
    estimate          comparison of the sketches; None if they share nothing or if a sketch is missing
    exact             comparison of all shingles; None if the articles share none
    copied_sentences  numbers of the sentences of `b` that count as copied, by all shingles
    shared_bands      equal MinHash rows; without one, `a` is not a candidate
    criteria          the requirements of the rule for this pair, in order
    """

    outcome: PairOutcome
    summary: str
    same_source: bool
    estimate: Comparison | None
    exact: Comparison | None
    copied_sentences: frozenset[int]
    shared_bands: int
    criteria: tuple[Criterion, ...]

    @property
    def joins(self) -> bool:
        """Return whether `b` joins the story of `a`."""
        return self.outcome is not PairOutcome.NEW


_NOTHING_SHARED: Final = Comparison(
    similarity=0.0, containment=0.0, copied_similarity=0.0, copied=0.0, whole=0.0, altered=0.0, hashes=0, words=0.0
)

_DIFFERENT_NAMESPACES: Final = (
    "B is a new story: A and B have different namespaces, and articles are compared within one namespace only."
)

_NOTICE: Final = (
    "B is a new story: A and B have one short text at unrelated addresses, and not under one title that it mentions, "
    "like a notice in place of an article. From the third such page on it is no article (no_article)."
)


def decide_pair(a: DissectedArticle, b: DissectedArticle, rule: Rule) -> PairVerdict:
    """Decide `b` in an index that contains `a` alone."""
    signature_a, signature_b = a.fingerprint.signature, b.fingerprint.signature
    same_source = b.article.source is not None and source_key(a.article.source) == source_key(b.article.source)
    estimate, shared_bands = None, 0
    if signature_a and signature_b:
        estimate = compare(signature_b, sketch_of(signature_a), signature_a.shingle_count, rule)
        shared_bands = count_shared_rows(signature_a, signature_b)
    exact, copied_sentences = compare_exactly(a, b, rule)
    same_namespace = a.article.namespace == b.article.namespace
    accepted = estimate is not None and shared_bands > 0 and accepts(estimate, same_source, rule)
    comparison = estimate or _NOTHING_SHARED
    criteria = _criteria(comparison, shared_bands, same_source, rule)
    if same_namespace and shows_notice(a.fingerprint.page, b.fingerprint.page):
        outcome, summary = PairOutcome.NEW, _NOTICE
    elif same_namespace:
        outcome = _outcome(a, b, estimate if accepted else None, rule)
        summary = _summary(a, b, outcome, comparison, shared_bands, same_source, rule)
    else:
        outcome, summary = PairOutcome.NEW, _DIFFERENT_NAMESPACES
        criteria = (_namespace_criterion(a, b), *criteria)
    return PairVerdict(
        outcome=outcome,
        summary=summary,
        same_source=same_source,
        estimate=estimate,
        exact=exact,
        copied_sentences=copied_sentences,
        shared_bands=shared_bands,
        criteria=criteria,
    )


def compare_exactly(a: DissectedArticle, b: DissectedArticle, rule: Rule) -> tuple[Comparison | None, frozenset[int]]:
    """Compare by all shingles, where `compare` estimates from sketches; also return the copied sentences of `b`."""
    shingles_a, shingles_b = a.distinct_shingles(), b.distinct_shingles()
    in_sentence = Counter(shingle.sentence for shingle in shingles_b.values())
    shared_in_sentence = Counter(shingle.sentence for key, shingle in shingles_b.items() if key in shingles_a)
    digits = Counter(shingle.sentence for shingle in shingles_b.values() if shingle.has_digit)
    shared_digits = Counter(
        shingle.sentence for key, shingle in shingles_b.items() if shingle.has_digit and key in shingles_a
    )
    shared = shared_in_sentence.total()
    if not shared:
        return None, frozenset()
    other_digits = sum(shingle.has_digit and key not in shingles_b for key, shingle in shingles_a.items())
    copied_sentences = frozenset(
        sentence
        for sentence, count in shared_in_sentence.items()
        if count >= SENTENCE_HASHES
        and count >= rule.sentence_share * in_sentence[sentence]
        and not (
            shared_digits[sentence] < rule.figure_share * digits[sentence]
            and other_digits >= REPLACED_FIGURES * (digits[sentence] - shared_digits[sentence])
        )
    )
    hashes = sum(shared_in_sentence[sentence] for sentence in copied_sentences)
    whole = sum(
        shared_in_sentence[sentence]
        for sentence in copied_sentences
        if shared_in_sentence[sentence] >= WHOLE_SENTENCE * in_sentence[sentence]
    )
    words = round(b.kept_word_count)
    return comparison_of(shared, hashes, whole, len(shingles_b), len(shingles_a), words), copied_sentences


def _outcome(a: DissectedArticle, b: DissectedArticle, accepted: Comparison | None, rule: Rule) -> PairOutcome:
    same_id = a.article.article_id == b.article.article_id
    if a.fingerprint.content_hash == b.fingerprint.content_hash:
        return PairOutcome.SAME if same_id else PairOutcome.EXACT
    if accepted is None:
        return PairOutcome.NEW
    if same_id:
        return PairOutcome.REVISION
    return PairOutcome.NEAR if kind_of(accepted, rule) is Kind.NEAR else PairOutcome.PARTIAL


def _namespace_criterion(a: DissectedArticle, b: DissectedArticle) -> Criterion:
    return Criterion(
        requirement="the same namespace", actual=f"{a.article.namespace}, {b.article.namespace}", is_met=False
    )


def _criteria(comparison: Comparison, shared_bands: int, same_source: bool, rule: Rule) -> tuple[Criterion, ...]:
    """Return the requirement for candidates, and the requirements that `accepts` checks."""
    return (
        Criterion(requirement="at least 1 shared LSH band", actual=str(shared_bands), is_met=shared_bands > 0),
        Criterion(
            requirement=f"either similarity in copied sentences of at least {format_percent(rule.near_similarity)}",
            actual=format_percent(comparison.copied_similarity),
            is_met=comparison.copied_similarity >= rule.near_similarity,
        ),
        *(_within_one_source(comparison, rule) if same_source else (_across_sources(comparison, rule),)),
        Criterion(
            requirement=f"   with at least {format_count(rule.copied_hashes, 'sampled shingle')}",
            actual=str(comparison.hashes),
            is_met=comparison.hashes >= rule.copied_hashes,
        ),
        Criterion(
            requirement=f"   and at least {format_count(rule.copied_words, 'word')}",
            actual=f"{comparison.words:.0f}",
            is_met=comparison.words >= rule.copied_words,
        ),
        *(() if same_source else (_short_copy(comparison, rule),)),
    )


def _across_sources(comparison: Comparison, rule: Rule) -> Criterion:
    return Criterion(
        requirement=f"or copied sentences of at least {format_percent(rule.copied_share)} of the smaller text",
        actual=format_percent(comparison.copied),
        is_met=comparison.copied >= rule.copied_share,
    )


def _short_copy(comparison: Comparison, rule: Rule) -> Criterion:
    return Criterion(
        requirement=f"or {format_percent(rule.short_containment)} with {rule.short_hashes} sampled shingles",
        actual=format_percent(comparison.copied),
        is_met=is_short_copy(comparison, rule),
    )


def _within_one_source(comparison: Comparison, rule: Rule) -> tuple[Criterion, Criterion]:
    return (
        Criterion(
            requirement=f"or, for one source, of at least {format_percent(rule.same_source_similarity)}",
            actual=format_percent(comparison.copied_similarity),
            is_met=comparison.copied_similarity >= rule.same_source_similarity,
        ),
        Criterion(
            requirement=f"or {format_percent(rule.update_share)} in whole sentences of {rule.update_words} words",
            actual=format_percent(comparison.whole),
            is_met=is_update(replace(comparison, copied_similarity=0.0), rule),  # the similarity has its own line
        ),
    )


def _summary(
    a: DissectedArticle,
    b: DissectedArticle,
    outcome: PairOutcome,
    comparison: Comparison,
    shared_bands: int,
    same_source: bool,
    rule: Rule,
) -> str:
    if outcome is PairOutcome.NEW:
        return f"B is a new story: {_rejection_reason(a, b, comparison, shared_bands, same_source, rule)}."
    reason = _acceptance_reason(comparison, same_source, rule)
    return {
        PairOutcome.SAME: "B is the same article as A with the same text: the worker repeats the recorded decision.",
        PairOutcome.EXACT: "B is an exact variant of A: the same kept words in the same order.",
        PairOutcome.REVISION: f"B is a revision of A, the same article with changed text: {reason}.",
        PairOutcome.NEAR: f"B is a near variant of A: {reason}.",
        PairOutcome.PARTIAL: f"B is a partial variant of A: {reason}.",
    }[outcome]


def _acceptance_reason(comparison: Comparison, same_source: bool, rule: Rule) -> str:
    similarity = f"the similarity in copied sentences is {format_percent(comparison.copied_similarity)}"
    if comparison.copied_similarity >= rule.near_similarity:
        return f"{similarity}, and at least {format_percent(rule.near_similarity)} is required"
    if same_source:
        return (
            f"{similarity}, with {comparison.words:.0f} words, and for one source at least "
            f"{format_percent(rule.same_source_similarity)} is required"
        )
    return (
        f"copied sentences make up {format_percent(comparison.copied)} of the smaller text, with "
        f"{comparison.words:.0f} words, and at least {format_percent(rule.copied_share)} is required"
    )


def _rejection_reason(
    a: DissectedArticle, b: DissectedArticle, comparison: Comparison, shared_bands: int, same_source: bool, rule: Rule
) -> str:
    without_prose = [name for name, article in (("A", a), ("B", b)) if article.fingerprint.signature is None]
    if without_prose:
        return f"there is no prose in {' and '.join(without_prose)}, so only an exact copy can match"
    if not shared_bands:
        return "A and B share no LSH band, so the index does not compare them"
    if same_source and comparison.copied_similarity < rule.same_source_similarity:
        return (
            f"the similarity in copied sentences is {format_percent(comparison.copied_similarity)}, and for one "
            f"source, whose pages share boilerplate, at least {format_percent(rule.same_source_similarity)} is required"
        )
    if not same_source and comparison.copied < rule.copied_share:
        return (
            f"copied sentences make up {format_percent(comparison.copied)} of the smaller text, and at least "
            f"{format_percent(rule.copied_share)} is required"
        )
    if comparison.hashes < rule.copied_hashes:
        return (
            f"copied sentences have {format_count(comparison.hashes, 'sampled shingle')}, and at least "
            f"{rule.copied_hashes} are required"
        )
    return (
        f"copied sentences have {format_count(round(comparison.words), 'word')}, which may be a sign-up box or a "
        f"teaser, and at least {rule.copied_words} are required"
    )


def format_percent(share: float) -> str:
    """Format a share between 0 and 1 as a percentage."""
    return f"{100 * share:.1f} %"


def format_count(number: int, noun: str) -> str:
    """Format a number with its noun, in the plural unless the number is 1."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
