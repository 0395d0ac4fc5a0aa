"""How well predicted stories fit gold stories, pure.

B-cubed: Bagga and Baldwin, "Entity-based cross-document coreferencing using the vector space model", 1998. For each
article, the share of its predicted story that is of its gold story (precision), and the share of its gold story that
is in its predicted story (recall), averaged over the articles. Pairwise: the same two shares over pairs of articles.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Shares are in 0..1; one that no pair speaks for is 0.

    stories  predicted stories that hold a scored article
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
    """One gold story: B-cubed means over its articles. `pieces` are the predicted stories that hold them."""

    story: str
    articles: int
    pieces: int
    precision: float
    recall: float

    @property
    def loss(self) -> float:
        """What the story costs the whole, in articles."""
        return self.articles * (1 - harmonic(self.precision, self.recall))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One figure over several orders of arrival; `spread` is the best less the worst."""

    mean: float
    worst: float
    spread: float


def score(gold: Mapping[str, str], predicted: Mapping[str, str]) -> Scores:
    """Score the articles of `gold` (one at least): id -> label. KeyError where `predicted` lacks one of them."""
    sizes = Counter(gold.values())
    found = Counter(predicted[article] for article in gold)
    both = Counter((predicted[article], label) for article, label in gold.items())
    b3_p = sum(count * count / found[story] for (story, _), count in both.items()) / len(gold)
    b3_r = sum(count * count / sizes[label] for (_, label), count in both.items()) / len(gold)
    pair_p = _pairs(both) / max(1, _pairs(found))
    pair_r = _pairs(both) / max(1, _pairs(sizes))
    return Scores(
        stories=len(found),
        b3_p=b3_p,
        b3_r=b3_r,
        b3_f1=harmonic(b3_p, b3_r),
        pair_p=pair_p,
        pair_r=pair_r,
        pair_f1=harmonic(pair_p, pair_r),
    )


def score_stories(gold: Mapping[str, str], predicted: Mapping[str, str]) -> list[StoryScore]:
    """Score each gold story alone, the most costly first."""
    found = Counter(predicted[article] for article in gold)
    pieces: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for article, label in gold.items():
        pieces[label][predicted[article]] += 1
    scored = [_story(label, parts, found) for label, parts in pieces.items()]
    return sorted(scored, key=lambda each: (-each.loss, each.story))


def over_orders(scores: Sequence[Scores]) -> dict[str, Spread]:
    """Gather each figure over several orders (one at least), by the names of Scores."""
    columns = {field.name: [getattr(each, field.name) for each in scores] for field in fields(Scores)}
    return {
        name: Spread(mean=sum(values) / len(values), worst=min(values), spread=max(values) - min(values))
        for name, values in columns.items()
        if name != "stories"
    }


def harmonic(a: float, b: float) -> float:
    """F1 of a precision and a recall; 0 where both are."""
    return 2 * a * b / (a + b) if a + b else 0.0


def _story(label: str, parts: Counter[str], found: Counter[str]) -> StoryScore:
    articles = parts.total()
    return StoryScore(
        story=label,
        articles=articles,
        pieces=len(parts),
        precision=sum(count * count / found[piece] for piece, count in parts.items()) / articles,
        recall=sum(count * count / articles for count in parts.values()) / articles,
    )


def _pairs(counts: Counter[str] | Counter[tuple[str, str]]) -> int:
    return sum(count * (count - 1) // 2 for count in counts.values())
