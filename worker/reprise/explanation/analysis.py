"""Compare two articles: the analysis that both reports show."""

from collections.abc import Sequence
from dataclasses import dataclass

from reprise.dedup.rule import Rule
from reprise.explanation.dissection import DissectedArticle, dissect
from reprise.explanation.passages import SharedRun, shared_runs
from reprise.explanation.verdict import PairVerdict, decide_pair
from reprise.model import Article


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedPassage:
    """A passage that both texts contain.

    run     its tokens in both texts
    number  from 1, in the order of B, if the passage touches a copied sentence; None for a passage that is not counted
    a, b    its start and end in each text, in characters
    """

    run: SharedRun
    number: int | None
    a: tuple[int, int]
    b: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The comparison of two articles.

    verdict   the decision on `b` in an index that contains `a` alone
    reverse   the decision on `a` in an index that contains `b` alone
    passages  all shared passages, in the order of `b`
    """

    a: DissectedArticle
    b: DissectedArticle
    rule: Rule
    verdict: PairVerdict
    reverse: PairVerdict
    passages: Sequence[SharedPassage]

    @property
    def copied_passages(self) -> Sequence[SharedPassage]:
        """Return the numbered passages: those in copied sentences, which are the evidence for a match."""
        return [passage for passage in self.passages if passage.number is not None]


def explain(a: Article, b: Article, rule: Rule) -> Explanation:
    """Compare two articles by a rule."""
    dissected_a, dissected_b = dissect(a, rule), dissect(b, rule)
    verdict = decide_pair(dissected_a, dissected_b, rule)
    return Explanation(
        a=dissected_a,
        b=dissected_b,
        rule=rule,
        verdict=verdict,
        reverse=decide_pair(dissected_b, dissected_a, rule),
        passages=_passages(dissected_a, dissected_b, verdict.copied_sentences),
    )


def _passages(a: DissectedArticle, b: DissectedArticle, copied_sentences: frozenset[int]) -> list[SharedPassage]:
    passages: list[SharedPassage] = []
    number = 0
    for run in shared_runs(a, b):
        is_copied = not copied_sentences.isdisjoint(b.tokens.sentence_parts[run.b : run.b + run.length].tolist())
        number += is_copied
        passages.append(
            SharedPassage(
                run=run,
                number=number if is_copied else None,
                a=(a.token_starts[run.a], a.token_ends[run.a + run.length - 1]),
                b=(b.token_starts[run.b], b.token_ends[run.b + run.length - 1]),
            )
        )
    return passages
