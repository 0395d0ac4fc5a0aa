"""Two articles -> everything that either view shows of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from reprise.dedup.decision import Rule
from reprise.explanation.dissection import DissectedArticle, dissect
from reprise.explanation.passages import SharedRun, shared_runs
from reprise.explanation.verdict import PairVerdict, judge
from reprise.model import Article


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A shared passage. `a` and `b` are ranges of characters in the two texts.

    number  from 1 on in the order of B, for passages that count as evidence: they touch a copied sentence; else None
    """

    run: SharedRun
    number: int | None
    a: tuple[int, int]
    b: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What there is to say of an article `b` that comes after `a`. `reverse` is the verdict the other way round."""

    a: DissectedArticle
    b: DissectedArticle
    rule: Rule
    verdict: PairVerdict
    reverse: PairVerdict
    passages: Sequence[Passage]

    @property
    def evidence(self) -> Sequence[Passage]:
        """The passages that count."""
        return [passage for passage in self.passages if passage.number is not None]


def explain(a: Article, b: Article, rule: Rule) -> Explanation:
    """Compare two articles in every detail."""
    first, second = dissect(a, rule), dissect(b, rule)
    verdict = judge(first, second, rule)
    return Explanation(
        a=first,
        b=second,
        rule=rule,
        verdict=verdict,
        reverse=judge(second, first, rule),
        passages=_passages(first, second, verdict.copied_sentences),
    )


def _passages(a: DissectedArticle, b: DissectedArticle, copied: frozenset[int]) -> list[Passage]:
    passages: list[Passage] = []
    number = 0
    for run in shared_runs(a, b):
        counts = not copied.isdisjoint(b.tokens.sentences[run.b : run.b + run.tokens].tolist())
        number += counts
        passages.append(
            Passage(
                run=run,
                number=number if counts else None,
                a=(a.begins[run.a], a.ends[run.a + run.tokens - 1]),
                b=(b.begins[run.b], b.ends[run.b + run.tokens - 1]),
            )
        )
    return passages
