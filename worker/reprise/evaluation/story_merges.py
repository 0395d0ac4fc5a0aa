"""The merges of a run: the stories that they lead to, and whether the labels confirm each merge."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reprise.evaluation.labels import LabelledArticle
from reprise.evaluation.runs import OrderedRun
from reprise.evaluation.scores import Scores, score
from reprise.model import StoryMerge


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeInRun:
    """A merge of a run, with the articles of both stories at that moment, in the order of arrival.

    shown_by  the article whose decision merged the stories
    """

    merge: StoryMerge
    shown_by: LabelledArticle
    younger: Sequence[LabelledArticle]
    older: Sequence[LabelledArticle]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeScores:
    """The merges of one run, how many of them are wrong, and the scores with all merges applied."""

    merges: int
    wrong: int
    applied: Scores


def score_merges(run: OrderedRun, gold: Mapping[str, str]) -> MergeScores:
    """Score the merges of a run by the labels."""
    merges = list_merges(run)
    return MergeScores(
        merges=len(merges),
        wrong=sum(is_wrong(merge, gold) for merge in merges),
        applied=score(gold, apply_merges(run).stories()),
    )


def apply_merges(run: OrderedRun) -> OrderedRun:
    """Return the run with the story ids that a consumer has at the end, if it applies every merge."""
    into: dict[str, str] = {}
    for item in run.decided:
        for merge in item.decision.merges:
            younger, older = _root(into, merge.story_id), _root(into, merge.into)
            if younger != older:
                into[younger] = older
    decided = [
        replace(item, decision=replace(item.decision, story_id=_root(into, item.decision.story_id)))
        for item in run.decided
    ]
    return replace(run, decided=decided)


def list_merges(run: OrderedRun) -> Sequence[MergeInRun]:
    """Return the merges of a run in the order in which they were decided. A repeated merge occurs once."""
    into: dict[str, str] = {}
    story_of: dict[str, str] = {}
    members: dict[str, dict[str, LabelledArticle]] = {}
    merges = []
    for item in run.decided:
        for merge in item.decision.merges:
            younger, older = _root(into, merge.story_id), _root(into, merge.into)
            if younger == older:
                continue
            moved, kept = members.pop(younger, {}), members.setdefault(older, {})
            merges.append(
                MergeInRun(merge=merge, shown_by=item.article, younger=list(moved.values()), older=list(kept.values()))
            )
            into[younger] = older
            kept.update(moved)
        article_id, story = item.article.article_id, item.decision.story_id
        if article_id in story_of:
            members[_root(into, story_of[article_id])].pop(article_id, None)
        story_of[article_id] = story
        members.setdefault(_root(into, story), {})[article_id] = item.article
    return merges


def is_wrong(merge: MergeInRun, gold: Mapping[str, str]) -> bool:
    """Return whether most pairs of labelled articles, one of each story, have different labels; False without pairs."""
    younger, older = _count_labels(merge.younger, gold), _count_labels(merge.older, gold)
    agreeing = sum(count * older[label] for label, count in younger.items())
    return 2 * agreeing < younger.total() * older.total()


def _count_labels(articles: Sequence[LabelledArticle], gold: Mapping[str, str]) -> Counter[str]:
    return Counter(gold[article.article_id] for article in articles if article.article_id in gold)


def _root(into: dict[str, str], story: str) -> str:
    while story in into:
        story = into[story]
    return story
