"""Compute B-cubed and pairwise scores of predicted stories.

B-cubed precision of an article is the share of its predicted story that belongs to its gold story. B-cubed recall is
the share of its gold story that is in its predicted story. Both are averaged over the articles. Pairwise precision and
recall are the same shares over pairs of articles. Source: Bagga and Baldwin, "Entity-based cross-document coreferencing
using the vector space model", 1998.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The scores of one run, each in 0..1. A pairwise score without any pair is 0.

    stories  number of predicted stories with a scored article
    """

    stories: int
    b3_p: float
    b3_r: float
    b3_f1: float
    pair_p: float
    pair_r: float
    pair_f1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryScore:
    """The scores of one gold story: B-cubed means over its articles.

    pieces  number of predicted stories that contain them
    """

    story: str
    articles: int
    pieces: int
    precision: float
    recall: float

    @property
    def loss(self) -> float:
        """The story's contribution to the total error, in articles: its size times (1 - F1)."""
        return self.articles * (1 - f1_score(self.precision, self.recall))


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureStats:
    """Statistics of one score over several orders of arrival. `spread` is the best minus the worst."""

    mean: float
    worst: float
    spread: float


def score(gold: Mapping[str, str], predicted: Mapping[str, str]) -> Scores:
    """Score predicted stories against gold stories, both by article id.

    Only articles of `gold`, at least one, are scored. Raises KeyError if `predicted` lacks one of them.
    """
    gold_sizes = Counter(gold.values())
    predicted_sizes = Counter(predicted[article] for article in gold)
    overlaps = Counter((predicted[article], label) for article, label in gold.items())
    b3_p = sum(count * count / predicted_sizes[story] for (story, _), count in overlaps.items()) / len(gold)
    b3_r = sum(count * count / gold_sizes[label] for (_, label), count in overlaps.items()) / len(gold)
    pair_p = _count_pairs(overlaps) / max(1, _count_pairs(predicted_sizes))
    pair_r = _count_pairs(overlaps) / max(1, _count_pairs(gold_sizes))
    return Scores(
        stories=len(predicted_sizes),
        b3_p=b3_p,
        b3_r=b3_r,
        b3_f1=f1_score(b3_p, b3_r),
        pair_p=pair_p,
        pair_r=pair_r,
        pair_f1=f1_score(pair_p, pair_r),
    )


def score_stories(gold: Mapping[str, str], predicted: Mapping[str, str]) -> list[StoryScore]:
    """Score each gold story. The result is sorted by loss, the greatest first."""
    predicted_sizes = Counter(predicted[article] for article in gold)
    pieces: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for article, label in gold.items():
        pieces[label][predicted[article]] += 1
    scores = [_score_story(label, counts, predicted_sizes) for label, counts in pieces.items()]
    return sorted(scores, key=lambda story: (-story.loss, story.story))


def summarize_orders(scores: Sequence[Scores]) -> dict[str, FigureStats]:
    """Return the statistics of each score over several orders, at least one, by the field names of Scores."""
    columns = {field.name: [getattr(run, field.name) for run in scores] for field in fields(Scores)}
    return {
        name: FigureStats(mean=sum(values) / len(values), worst=min(values), spread=max(values) - min(values))
        for name, values in columns.items()
        if name != "stories"
    }


def f1_score(precision: float, recall: float) -> float:
    """Return the harmonic mean of precision and recall; 0 if both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _score_story(label: str, pieces: Counter[str], predicted_sizes: Counter[str]) -> StoryScore:
    """Score one gold story. `pieces` holds the number of its articles in each predicted story."""
    articles = pieces.total()
    return StoryScore(
        story=label,
        articles=articles,
        pieces=len(pieces),
        precision=sum(count * count / predicted_sizes[story] for story, count in pieces.items()) / articles,
        recall=sum(count * count / articles for count in pieces.values()) / articles,
    )


def _count_pairs(sizes: Counter[str] | Counter[tuple[str, str]]) -> int:
    return sum(size * (size - 1) // 2 for size in sizes.values())
