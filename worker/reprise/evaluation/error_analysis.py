"""The stories that cost the most, with examples of what was split or joined wrongly, and what the index saw of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from reprise.dedup.decision import Comparison, Rule, accepts, compare
from reprise.evaluation.labels import LabelledArticle
from reprise.evaluation.runs import Arrival, OrderedRun
from reprise.evaluation.scores import StoryScore, score_stories
from reprise.model import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """The article of the same gold story that was there already and has the most in common.

    bands         MinHash rows that both share
    comparison    None where their sketches share nothing
    same_source   whether both are of one known source
    is_enough     whether the rule would accept it: then it was no candidate, or another story won
    """

    article: LabelledArticle
    bands: int
    comparison: Comparison | None
    same_source: bool
    is_enough: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """An article that began a further piece of its gold story. `nearest` is None where neither text is prose."""

    article: LabelledArticle
    decision: Decision
    nearest: Nearest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """An article that joined a story by its match with an article of another gold story, or of none."""

    article: LabelledArticle
    decision: Decision
    matched: LabelledArticle


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """What went wrong with one gold story; the counts are of all, the examples of the first."""

    score: StoryScore
    splits: Sequence[Split]
    joins: Sequence[Join]
    all_joins: int


def worst_stories(
    order: OrderedRun, gold: Mapping[str, str], rule: Rule, *, stories: int, examples: int
) -> Sequence[Mistakes]:
    """The stories of one order that lose the most, at most so many; those that lose nothing are none of them."""
    by_label: defaultdict[str, list[Arrival]] = defaultdict(list)
    for arrival in order.arrivals:
        if (label := gold.get(arrival.article.article_id)) is not None:
            by_label[label].append(arrival)
    joins = _joins(order, gold)
    costly = [each for each in score_stories(gold, order.stories()) if each.loss > 0][:stories]
    return [
        Mistakes(
            score=each,
            splits=list(islice(_splits(by_label[each.story], rule), examples)),
            joins=joins[each.story][:examples],
            all_joins=len(joins[each.story]),
        )
        for each in costly
    ]


def _splits(arrivals: Sequence[Arrival], rule: Rule) -> Iterator[Split]:
    """The first article of each piece of a gold story but the first piece."""
    pieces: set[str] = set()
    for at, arrival in enumerate(arrivals):
        if pieces and arrival.decision.story_id not in pieces:
            earlier = [each.article for each in arrivals[:at]]
            yield Split(
                article=arrival.article, decision=arrival.decision, nearest=_nearest(arrival.article, earlier, rule)
            )
        pieces.add(arrival.decision.story_id)


def _nearest(article: LabelledArticle, earlier: Sequence[LabelledArticle], rule: Rule) -> Nearest | None:
    found = [near for each in earlier if (near := _seen(article, each, rule)) is not None]
    return max(found, key=_closeness, default=None)


def _closeness(near: Nearest) -> tuple[bool, float, float, int]:
    if near.comparison is None:
        return (False, 0.0, 0.0, near.bands)
    return (near.is_enough, near.comparison.copied, near.comparison.similarity, near.bands)


def _seen(article: LabelledArticle, other: LabelledArticle, rule: Rule) -> Nearest | None:
    """What the index sees of an article and one that it holds; None where one of them has no signature."""
    mine, theirs = article.fingerprint.signature, other.fingerprint.signature
    if mine is None or theirs is None:
        return None
    comparison = compare(mine, theirs.sketch, theirs.size, rule)
    same_source = article.source is not None and article.source == other.source
    return Nearest(
        article=other,
        bands=sum(one == another for one, another in zip(mine.rows, theirs.rows, strict=True)),
        comparison=comparison,
        same_source=same_source,
        is_enough=comparison is not None and accepts(comparison, same_source, rule),
    )


def _joins(order: OrderedRun, gold: Mapping[str, str]) -> Mapping[str, Sequence[Join]]:
    """By gold story, the matches that tie one of its articles to an article that is not of it."""
    articles: dict[str, LabelledArticle] = {}
    found: defaultdict[str, list[Join]] = defaultdict(list)
    for arrival in order.arrivals:
        matched = articles.get(arrival.decision.matched_article_id or "")
        articles[arrival.article.article_id] = arrival.article
        if matched is None:
            continue
        labels = {gold.get(arrival.article.article_id), gold.get(matched.article_id)}
        if len(labels) > 1:
            join = Join(article=arrival.article, decision=arrival.decision, matched=matched)
            for label in labels - {None}:
                found[str(label)].append(join)
    return found
