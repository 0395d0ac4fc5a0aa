"""Find the stories with the most errors, with examples of wrong splits and wrong joins."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from reprise.dedup.comparison import Comparison, accepts, compare, count_shared_rows
from reprise.dedup.rule import Rule
from reprise.dedup.sketch import sketch_of
from reprise.evaluation.labels import LabelledArticle
from reprise.evaluation.runs import DecidedArticle, OrderedRun
from reprise.evaluation.scores import StoryScore, score_stories
from reprise.model import Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class NearestArticle:
    """The earlier article of the same gold story that is most similar to a split article.

    bands         MinHash rows that both share
    comparison    None if the sketches share no hash
    same_source   whether both articles have the same known source
    is_enough     whether the rule accepts the match; then it was no candidate, or another story matched better
    """

    article: LabelledArticle
    bands: int
    comparison: Comparison | None
    same_source: bool
    is_enough: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySplit:
    """An article that started another piece of its gold story.

    nearest  None if this article has no prose, or none of the earlier articles of its gold story has any
    """

    article: LabelledArticle
    decision: Decision
    nearest: NearestArticle | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongJoin:
    """An article that matched an article with another gold label or without one."""

    article: LabelledArticle
    decision: Decision
    matched: LabelledArticle


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryErrors:
    """The errors of one gold story. `splits` and `joins` are the first examples; `total_joins` counts all joins."""

    score: StoryScore
    splits: Sequence[StorySplit]
    joins: Sequence[WrongJoin]
    total_joins: int


def find_worst_stories(
    run: OrderedRun, gold: Mapping[str, str], rule: Rule, *, stories: int, examples: int
) -> Sequence[StoryErrors]:
    """Return at most `stories` gold stories with errors, by falling loss, each with at most `examples` of a kind."""
    by_label: defaultdict[str, list[DecidedArticle]] = defaultdict(list)
    for item in run.decided:
        if (label := gold.get(item.article.article_id)) is not None:
            by_label[label].append(item)
    joins = _wrong_joins(run, gold)
    worst = [score for score in score_stories(gold, run.stories()) if score.loss > 0][:stories]
    return [
        StoryErrors(
            score=score,
            splits=list(islice(_splits(by_label[score.story], rule), examples)),
            joins=joins[score.story][:examples],
            total_joins=len(joins[score.story]),
        )
        for score in worst
    ]


def _splits(decided: Sequence[DecidedArticle], rule: Rule) -> Iterator[StorySplit]:
    """Yield the first article of each piece of a gold story, except the first piece."""
    pieces: set[str] = set()
    for at, item in enumerate(decided):
        if pieces and item.decision.story_id not in pieces:
            earlier = [other.article for other in decided[:at]]
            yield StorySplit(
                article=item.article, decision=item.decision, nearest=_find_nearest(item.article, earlier, rule)
            )
        pieces.add(item.decision.story_id)


def _find_nearest(article: LabelledArticle, earlier: Sequence[LabelledArticle], rule: Rule) -> NearestArticle | None:
    compared = [nearest for other in earlier if (nearest := _compare(article, other, rule)) is not None]
    return max(compared, key=_similarity_key, default=None)


def _similarity_key(nearest: NearestArticle) -> tuple[bool, float, float, int]:
    if nearest.comparison is None:
        return (False, 0.0, 0.0, nearest.bands)
    return (nearest.is_enough, nearest.comparison.copied, nearest.comparison.similarity, nearest.bands)


def _compare(article: LabelledArticle, other: LabelledArticle, rule: Rule) -> NearestArticle | None:
    """Compare an article with an indexed one, like the index does. Return None if one of them has no signature."""
    signature, other_signature = article.fingerprint.signature, other.fingerprint.signature
    if signature is None or other_signature is None:
        return None
    comparison = compare(signature, sketch_of(other_signature), other_signature.shingle_count, rule)
    same_source = article.source is not None and article.source == other.source
    return NearestArticle(
        article=other,
        bands=count_shared_rows(signature, other_signature),
        comparison=comparison,
        same_source=same_source,
        is_enough=comparison is not None and accepts(comparison, same_source, rule),
    )


def _wrong_joins(run: OrderedRun, gold: Mapping[str, str]) -> Mapping[str, Sequence[WrongJoin]]:
    """Return the wrong joins of each gold story. A join between two gold stories is listed for both."""
    articles: dict[str, LabelledArticle] = {}
    joins: defaultdict[str, list[WrongJoin]] = defaultdict(list)
    for item in run.decided:
        matched = articles.get(item.decision.matched_article_id or "")
        articles[item.article.article_id] = item.article
        if matched is None:
            continue
        labels = {gold.get(item.article.article_id), gold.get(matched.article_id)}
        if len(labels) > 1:
            join = WrongJoin(article=item.article, decision=item.decision, matched=matched)
            for label in labels - {None}:
                joins[str(label)].append(join)
    return joins
