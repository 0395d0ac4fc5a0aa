"""Decide labelled articles in one order of arrival."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reprise.evaluation.labels import LabelledArticle
from reprise.model import Decision
from reprise.processing.namespace_fanout import submit_by_namespace
from reprise.processing.ports import Index


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedArticle:
    """An article and its decision."""

    article: LabelledArticle
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedRun:
    """The decisions of all articles in one order. `seed` shuffled the articles; None for the order of the file."""

    seed: int | None
    decided: Sequence[DecidedArticle]

    def stories(self) -> dict[str, str]:
        """Return the story of each article id. For an id that occurs again the last decision counts.

        A page that shows a notice in place of an article is a story of its own.
        """
        return {
            item.article.article_id: item.decision.story_id if item.decision.is_article else item.article.article_id
            for item in self.decided
        }


def order_seeds(orders: int) -> list[int | None]:
    """Return the seed of each order. A single order is the one of the file, whose seed is None."""
    return [None] if orders == 1 else list(range(orders))


def shuffle(articles: Sequence[LabelledArticle], seed: int | None) -> list[LabelledArticle]:
    """Return the articles in the order of a seed."""
    order = list(articles)
    if seed is not None:
        random.Random(seed).shuffle(order)  # noqa: S311 - an order of arrival, not a secret
    return order


def decide_in_order(
    order: Sequence[LabelledArticle],
    seed: int | None,
    index: Index,
    namespace: str,
    *,
    batch: int,
    clock: Callable[[], float],
    advance: Callable[[int], None],
) -> OrderedRun:
    """Decide the articles in batches of `batch`. `advance` is called with the size of each batch.

    The index uses a namespace of its own for each namespace of the articles, named `namespace` and theirs. These must
    be empty. `clock` returns seconds. Raises the errors of the index.
    """
    decided: list[DecidedArticle] = []
    for start in range(0, len(order), batch):
        articles = order[start : start + batch]
        fingerprints = [
            replace(article.fingerprint, namespace=f"{namespace}.{article.fingerprint.namespace}")
            for article in articles
        ]
        decisions = submit_by_namespace(index, fingerprints, int(clock() * 1000)).result()
        decided += [
            DecidedArticle(article=article, decision=decision)
            for article, decision in zip(articles, decisions, strict=True)
        ]
        advance(len(articles))
    return OrderedRun(seed=seed, decided=decided)
