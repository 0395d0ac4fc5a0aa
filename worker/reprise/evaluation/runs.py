"""One order of arrival, decided by an index."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reprise.evaluation.labels import LabelledArticle
from reprise.model import Decision
from reprise.processing.namespace_fanout import submit_by_namespace
from reprise.processing.ports import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An article as it came in, and what was decided."""

    article: LabelledArticle
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedRun:
    """One run over all articles. `seed` is that of the shuffle; None for the file's own order."""

    seed: int | None
    arrivals: Sequence[Arrival]

    def stories(self) -> dict[str, str]:
        """Article id -> story; of an id that came more than once, the last decision counts."""
        return {each.article.article_id: each.decision.story_id for each in self.arrivals}


def seeds(orders: int) -> list[int | None]:
    """The file's order where one is asked for, else so many random ones."""
    return [None] if orders == 1 else list(range(orders))


def shuffled(articles: Sequence[LabelledArticle], seed: int | None) -> list[LabelledArticle]:
    """The articles in the order of a seed."""
    order = list(articles)
    if seed is not None:
        random.Random(seed).shuffle(order)  # noqa: S311 - an order of arrival, not a secret
    return order


def decide(
    order: Sequence[LabelledArticle],
    seed: int | None,
    index: Index,
    namespace: str,
    *,
    batch: int,
    clock: Callable[[], float],
    advance: Callable[[int], None],
) -> OrderedRun:
    """Hand the articles, in batches, to empty namespaces: one for each of theirs, whose names begin with `namespace`.

    Raises what the index raises.
    """
    arrivals: list[Arrival] = []
    for begin in range(0, len(order), batch):
        articles = order[begin : begin + batch]
        fingerprints = [
            replace(article.fingerprint, namespace=f"{namespace}.{article.fingerprint.namespace}")
            for article in articles
        ]
        decisions = submit_by_namespace(index, fingerprints, int(clock() * 1000)).result()
        arrivals += [
            Arrival(article=article, decision=decision) for article, decision in zip(articles, decisions, strict=True)
        ]
        advance(len(articles))
    return OrderedRun(seed=seed, arrivals=arrivals)
