"""Outcomes of messages, as metrics, logs and replays count them."""

from enum import StrEnum

from reprise.model import Decision, EventType


class ArticleOutcome(StrEnum):
    """The result of processing a message, as a label of `reprise_articles_total`."""

    NEW = "new"
    VARIANT = "variant"
    REPLAYED = "replayed"
    NO_ARTICLE = "no_article"
    DEAD = "dead"
    SKIPPED = "skipped"


def outcome_of(decision: Decision) -> ArticleOutcome:
    """Return the outcome of a decided article. A repeated decision is neither a new story nor a variant again."""
    if decision.trace.replayed:
        return ArticleOutcome.REPLAYED
    if not decision.is_article:
        return ArticleOutcome.NO_ARTICLE
    return ArticleOutcome.NEW if decision.type is EventType.NEW else ArticleOutcome.VARIANT
