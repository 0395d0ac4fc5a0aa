"""What the rule says of two pages, estimates beside exact values, and the one sentence of it."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from reprise.dedup.decision import SENTENCE_HASHES, Comparison, Rule, accepts, compare, kind_of
from reprise.explanation.dissection import DissectedArticle
from reprise.model import Kind


class PairOutcome(StrEnum):
    """What becomes of the second article where the index holds nothing but the first."""

    SAME = "same"  #: the same article again: it gets its recorded decision
    EXACT = "exact"
    REVISION = "revision"
    NEAR = "near"
    PARTIAL = "partial"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One demand of the rule: what is asked for, what was found, whether it suffices."""

    demand: str
    found: str
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PairVerdict:
    """What the index decides of an article `b` that comes after `a`.

    estimate  by the sketches; None where they share nothing or one article has none
    exact     by all shingles; None where they share none
    bands     MinHash rows that are equal; the first article is no candidate without one
    clauses   the demands of the threshold that was applied, in its order
    """

    outcome: PairOutcome
    sentence: str
    same_source: bool
    estimate: Comparison | None
    exact: Comparison | None
    copied_sentences: frozenset[int]
    bands: int
    clauses: tuple[Criterion, ...]

    @property
    def joins(self) -> bool:
        """Whether `b` joins the story of `a`."""
        return self.outcome is not PairOutcome.NEW


def judge(a: DissectedArticle, b: DissectedArticle, rule: Rule) -> PairVerdict:
    """Decide `b` after `a`, as the index would."""
    mine, theirs = b.fingerprint.signature, a.fingerprint.signature
    same_source = b.article.source is not None and a.article.source == b.article.source
    estimate = compare(mine, theirs.sketch, theirs.size, rule) if mine and theirs else None
    bands = sum(one == other for one, other in zip(mine.rows, theirs.rows, strict=True)) if mine and theirs else 0
    exact, copied = compare_exactly(a, b, rule)
    apart = a.article.namespace != b.article.namespace
    accepted = estimate is not None and bands > 0 and accepts(estimate, same_source, rule)
    outcome = PairOutcome.NEW if apart else _outcome(a, b, estimate if accepted else None, rule)
    found = estimate or _NOTHING
    return PairVerdict(
        outcome=outcome,
        sentence=_APART if apart else _sentence(a, b, outcome, found, bands, same_source, rule),
        same_source=same_source,
        estimate=estimate,
        exact=exact,
        copied_sentences=copied,
        bands=bands,
        clauses=(*((_one_namespace(a, b),) if apart else ()), *_clauses(found, bands, same_source, rule)),
    )


def compare_exactly(a: DissectedArticle, b: DissectedArticle, rule: Rule) -> tuple[Comparison | None, frozenset[int]]:
    """What `compare` estimates, by all shingles, and the numbers of the copied sentences of `b`."""
    mine, theirs = b.shingles(), a.shingles()
    in_sentence = Counter(window.sentence for window in mine.values())
    shared_in_sentence = Counter(window.sentence for key, window in mine.items() if key in theirs)
    figures = Counter(window.sentence for window in mine.values() if window.figure)
    shared_figures = Counter(window.sentence for key, window in mine.items() if window.figure and key in theirs)
    shared = shared_in_sentence.total()
    if not shared:
        return None, frozenset()
    smaller = min(len(mine), len(theirs))
    copied = frozenset(
        sentence
        for sentence, count in shared_in_sentence.items()
        if count >= SENTENCE_HASHES
        and count >= rule.sentence_share * in_sentence[sentence]
        and shared_figures[sentence] >= rule.figure_share * figures[sentence]
    )
    hashes = sum(shared_in_sentence[sentence] for sentence in copied)
    comparison = Comparison(
        similarity=shared / (len(mine) + len(theirs) - shared),
        containment=shared / smaller,
        copied_similarity=hashes / (len(mine) + len(theirs) - shared),
        copied=hashes / smaller,
        hashes=hashes,
        words=hashes * round(b.kept_words) / len(mine),
    )
    return comparison, copied


#: Names neither: a sentence is also told with A and B changed over.
_APART = "B is a story of its own: the two have different namespaces, and articles are compared within one only."

_NOTHING = Comparison(similarity=0.0, containment=0.0, copied_similarity=0.0, copied=0.0, hashes=0, words=0.0)


def _outcome(a: DissectedArticle, b: DissectedArticle, accepted: Comparison | None, rule: Rule) -> PairOutcome:
    same_id = a.article.article_id == b.article.article_id
    if a.fingerprint.content_hash == b.fingerprint.content_hash:
        return PairOutcome.SAME if same_id else PairOutcome.EXACT
    if accepted is None:
        return PairOutcome.NEW
    if same_id:
        return PairOutcome.REVISION
    return PairOutcome.NEAR if kind_of(accepted, rule) is Kind.NEAR else PairOutcome.PARTIAL


def _one_namespace(a: DissectedArticle, b: DissectedArticle) -> Criterion:
    """What comes before every demand of the rule."""
    return Criterion(demand="one namespace", found=f"{a.article.namespace}, {b.article.namespace}", holds=False)


def _clauses(found: Comparison, bands: int, same_source: bool, rule: Rule) -> tuple[Criterion, ...]:
    """The demands of `accepts`, one by one, and the one that comes before it: to be a candidate at all."""
    return (
        Criterion(demand="at least 1 shared band", found=str(bands), holds=bands > 0),
        Criterion(
            demand=f"either similarity in copied sentences at least {percent(rule.near)}",
            found=percent(found.copied_similarity),
            holds=found.copied_similarity >= rule.near,
        ),
        Criterion(
            demand=f"or, within one source, at least {percent(rule.same_source)}",
            found=percent(found.copied_similarity),
            holds=found.copied_similarity >= rule.same_source,
        )
        if same_source
        else Criterion(
            demand=f"or copied text at least {percent(rule.copied_share)} of the smaller text",
            found=percent(found.copied),
            holds=found.copied >= rule.copied_share,
        ),
        Criterion(
            demand=f"   and at least {rule.copied_hashes} sampled shingles of it",
            found=str(found.hashes),
            holds=found.hashes >= rule.copied_hashes,
        ),
        Criterion(
            demand=f"   and worth at least {rule.copied_words} words",
            found=f"{found.words:.0f} words",
            holds=found.words >= rule.copied_words,
        ),
    )


def _sentence(
    a: DissectedArticle,
    b: DissectedArticle,
    outcome: PairOutcome,
    found: Comparison,
    bands: int,
    same_source: bool,
    rule: Rule,
) -> str:
    if outcome is PairOutcome.NEW:
        return f"B is a story of its own: {_why_not(a, b, found, bands, same_source, rule)}."
    similarity = f"their similarity in copied sentences is {percent(found.copied_similarity)}"
    if found.copied_similarity >= rule.near:
        why = f"{similarity}, and {percent(rule.near)} is enough"
    elif same_source:
        why = f"{similarity}, in {found.words:.0f} words, and within one source {percent(rule.same_source)} is enough"
    else:
        why = (
            f"copied sentences make up {percent(found.copied)} of the smaller text, in {found.words:.0f} words, and "
            f"{percent(rule.copied_share)} is enough"
        )
    return {
        PairOutcome.SAME: "B is A again, the same article with the same text: it gets the decision that was recorded.",
        PairOutcome.EXACT: "B is an exact variant of A: the same words in the same order, whatever stands around them.",
        PairOutcome.REVISION: f"B is a revision of A, the same article with changed text: {why}.",
        PairOutcome.NEAR: f"B is a near variant of A: {why}.",
        PairOutcome.PARTIAL: f"B is a partial variant of A: {why}.",
    }[outcome]


def _why_not(
    a: DissectedArticle, b: DissectedArticle, found: Comparison, bands: int, same_source: bool, rule: Rule
) -> str:
    unsigned = [name for name, page in (("A", a), ("B", b)) if page.fingerprint.signature is None]
    if unsigned:
        return f"nothing in {' and '.join(unsigned)} reads like prose, so only an exact copy could match"
    if not bands:
        return "they share no band, so the index does not even compare them"
    if same_source and found.copied_similarity < rule.same_source:
        return (
            f"their similarity in copied sentences is {percent(found.copied_similarity)}, and within one source, whose "
            f"pages share boilerplate, {percent(rule.same_source)} is needed"
        )
    if not same_source and found.copied < rule.copied_share:
        return (
            f"copied sentences make up {percent(found.copied)} of the smaller text, "
            f"and {percent(rule.copied_share)} is needed"
        )
    if found.hashes < rule.copied_hashes:
        return (
            f"only {count(found.hashes, 'sampled shingle')} of copied sentences speaks for it, "
            f"and {rule.copied_hashes} are needed"
        )
    return (
        f"all that was copied has {found.words:.0f} words, as a sign-up box or a teaser may, "
        f"and {rule.copied_words} are needed"
    )


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.1f} %"


def count(number: int, thing: str) -> str:
    """So many things."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"
