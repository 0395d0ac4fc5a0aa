"""Score decisions by the text that articles share, for files without labels.

Recall: of the pairs of articles with much text in common, the share that is in one story. Precision: of the pairs of
articles in one story, and of the joins (an article and the article that it matched), the share with copied text. Text
in common shows copies only: two reports of one event in different words count as having nothing in common.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.evaluation.labels import LabelledArticle
from reprise.evaluation.runs import OrderedRun
from reprise.evaluation.shared_text import Numbers, SharedText, SharingPairs

#: A pair is copied from this containment on, or from this number of shared words on: two sentences.
COPIED_CONTAINMENT: Final = 0.2
COPIED_WORDS: Final = 35

#: A pair that is not copied has nothing in common up to this containment.
NOTHING_CONTAINMENT: Final = 0.02

#: Articles with fewer words are left out of the recall.
MIN_WORDS: Final = 35

#: Ranges of containment, from the lower bound on and below the upper bound, for which the recall is reported.
CONTAINMENT_RANGES: Final = ((0.9, 1.01), (0.7, 0.9), (0.5, 0.7), (0.3, 0.5), (0.2, 0.3))

#: Pairs inside stories that are compared; of more pairs, this many are drawn at random.
MAX_STORY_PAIRS: Final = 500_000

_SEED: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTextTruth:
    """The articles of a file in its order, their texts, and the pairs of texts that share a run with containment."""

    articles: Sequence[LabelledArticle]
    texts: SharedText
    pairs: SharingPairs
    containment: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecallByContainment:
    """The recall of the pairs in one range of containment, within one source or across sources."""

    lowest: float
    highest: float
    same_source: bool
    pairs: int
    found: int

    @property
    def recall(self) -> float:
        """The share of pairs that are in one story; 0 without pairs."""
        return self.found / max(1, self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopiedPairs:
    """How many pairs have copied text, little text, or nothing in common.

    pairs     all pairs
    compared  those compared, all or a random sample; the other figures count these
    """

    pairs: int
    compared: int
    copied: int
    little: int
    nothing: int

    @property
    def precision(self) -> float:
        """The share of compared pairs with copied text; 1 without pairs."""
        return self.copied / self.compared if self.compared else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """An article that joined the story of another one, and the text that they share."""

    article: LabelledArticle
    matched: LabelledArticle
    containment: float
    words: int

    @property
    def evidence(self) -> float:
        """The text in common as a multiple of the least that counts as copied."""
        return max(self.containment / COPIED_CONTAINMENT, self.words / COPIED_WORDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeStory:
    """One of the largest stories. `weakest` holds its joins with the least in common, the weakest first."""

    story_id: str
    articles: int
    sources: int
    pairs: CopiedPairs
    weakest: Sequence[Join]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTextScores:
    """The scores of one run by shared text.

    largest_articles  articles of the largest story
    largest           the largest stories of two articles or more, as many as were asked for
    """

    seed: int | None
    stories: int
    variants: int
    largest_articles: int
    recall: Sequence[RecallByContainment]
    joins: CopiedPairs
    story_pairs: CopiedPairs
    largest: Sequence[LargeStory]


def find_truth(articles: Sequence[LabelledArticle], texts: SharedText) -> SharedTextTruth:
    """Compare the texts of a file with each other. `texts` holds one for each article, in the same order."""
    pairs = texts.pairs()
    return SharedTextTruth(
        articles=articles, texts=texts, pairs=pairs, containment=texts.containments(pairs.first, pairs.second)
    )


def score_run(truth: SharedTextTruth, run: OrderedRun, *, stories: int = 0, examples: int = 0) -> SharedTextScores:
    """Score the decisions of a run. For an id that occurs again its last decision counts, with the text of that line.

    stories   maximum of large stories in the result
    examples  maximum of weak joins of each of these
    """
    numbers = {article.line: number for number, article in enumerate(truth.articles)}
    story_of: dict[str, tuple[int, str]] = {}
    joins: list[tuple[int, int, str]] = []
    for item in run.decided:
        number = numbers[item.article.line]
        matched = story_of.get(item.decision.matched_article_id or "")
        if matched is not None:
            joins.append((number, matched[0], item.decision.story_id))
        story_of[item.article.article_id] = (number, item.decision.story_id)
    members: defaultdict[str, list[int]] = defaultdict(list)
    for number, story in story_of.values():
        members[story].append(number)
    by_size = sorted(members.items(), key=lambda item: (-len(item[1]), min(item[1])))
    first, second = np.array([join[:2] for join in joins], dtype=np.int64).reshape(-1, 2).T
    return SharedTextScores(
        seed=run.seed,
        stories=len(members),
        variants=sum(item.decision.kind is not None for item in run.decided),
        largest_articles=len(by_size[0][1]) if by_size else 0,
        recall=_recall(truth, story_of),
        joins=_count_copied(truth.texts, first, second, len(first)),
        story_pairs=_story_pairs(truth.texts, [numbers for _, numbers in by_size]),
        largest=[
            _large_story(truth, story, numbers, joins, examples)
            for story, numbers in by_size[:stories]
            if len(numbers) > 1
        ],
    )


def score_recall(truth: SharedTextTruth, run: OrderedRun) -> Sequence[RecallByContainment]:
    """Return the recall of each range of containment, within one source and across sources."""
    numbers = {article.line: number for number, article in enumerate(truth.articles)}
    return _recall(
        truth,
        {item.article.article_id: (numbers[item.article.line], item.decision.story_id) for item in run.decided},
    )


def _recall(truth: SharedTextTruth, stories: Mapping[str, tuple[int, str]]) -> Sequence[RecallByContainment]:
    """Return the recall. `stories` holds the number of the last line of each id, and its story."""
    story = np.full(len(truth.articles), -1, dtype=np.int64)
    known: dict[str, int] = {}
    for number, story_id in stories.values():
        story[number] = known.setdefault(story_id, len(known))
    sources: dict[str, int] = {}
    source = np.array(
        [
            sources.setdefault(article.source, len(sources)) if article.source is not None else -1 - number
            for number, article in enumerate(truth.articles)
        ],
        dtype=np.int64,
    )
    first, second, words = truth.pairs.first, truth.pairs.second, truth.texts.word_counts
    is_scored = (story[first] >= 0) & (story[second] >= 0) & (np.minimum(words[first], words[second]) >= MIN_WORDS)
    is_found = story[first] == story[second]
    is_same_source = source[first] == source[second]
    figures = []
    for lowest, highest in CONTAINMENT_RANGES:
        is_in_range = is_scored & (truth.containment >= lowest) & (truth.containment < highest)
        for same_source in (False, True):
            chosen = is_in_range & (is_same_source == same_source)
            figures.append(
                RecallByContainment(
                    lowest=lowest,
                    highest=min(highest, 1.0),
                    same_source=same_source,
                    pairs=int(chosen.sum()),
                    found=int((chosen & is_found).sum()),
                )
            )
    return figures


def _count_copied(texts: SharedText, first: Numbers, second: Numbers, total: int) -> CopiedPairs:
    containment, words = texts.containments(first, second), texts.shared_words(first, second)
    is_copied = (containment >= COPIED_CONTAINMENT) | (words >= COPIED_WORDS)
    copied, nothing = int(is_copied.sum()), int((~is_copied & (containment <= NOTHING_CONTAINMENT)).sum())
    return CopiedPairs(
        pairs=total, compared=len(first), copied=copied, little=len(first) - copied - nothing, nothing=nothing
    )


def _story_pairs(texts: SharedText, stories: Sequence[Sequence[int]]) -> CopiedPairs:
    """Compare the pairs of articles inside stories, or a random sample of them."""
    members = [np.sort(np.array(story, dtype=np.int64)) for story in stories if len(story) > 1]
    sizes = np.array([len(story) for story in members], dtype=np.int64)
    total = int((sizes * (sizes - 1) // 2).sum())
    if not members:
        pairs = np.zeros((2, 0), dtype=np.int64)
    elif total <= MAX_STORY_PAIRS:
        pairs = np.concatenate([story[np.array(np.triu_indices(len(story), 1))] for story in members], axis=1)
    else:
        pairs = _draw_pairs(members, sizes)
    return _count_copied(texts, pairs[0], pairs[1], total)


def _draw_pairs(members: Sequence[Numbers], sizes: Numbers) -> Numbers:
    """Draw MAX_STORY_PAIRS pairs inside stories at random, each pair with the same probability."""
    rng = np.random.default_rng(_SEED)
    weights = sizes * (sizes - 1) // 2
    story = np.searchsorted(np.cumsum(weights), rng.integers(0, weights.sum(), MAX_STORY_PAIRS), side="right")
    one = rng.integers(0, sizes[story])
    other = rng.integers(0, sizes[story] - 1)
    other += other >= one
    starts = (np.cumsum(sizes) - sizes)[story]
    return np.sort(np.concatenate(members)[np.array([starts + one, starts + other])], axis=0)


def _large_story(
    truth: SharedTextTruth, story: str, members: Sequence[int], joins: Sequence[tuple[int, int, str]], examples: int
) -> LargeStory:
    own = np.array([join[:2] for join in joins if join[2] == story], dtype=np.int64).reshape(-1, 2)
    containment = truth.texts.containments(own[:, 0], own[:, 1])
    words = truth.texts.shared_words(own[:, 0], own[:, 1])
    found = [
        Join(
            article=truth.articles[article],
            matched=truth.articles[matched],
            containment=float(containment[at]),
            words=int(words[at]),
        )
        for at, (article, matched) in enumerate(own.tolist())
    ]
    sources = Counter(source for number in members if (source := truth.articles[number].source) is not None)
    return LargeStory(
        story_id=story,
        articles=len(members),
        sources=len(sources),
        pairs=_story_pairs(truth.texts, [members]),
        weakest=sorted(found, key=lambda join: join.evidence)[:examples],
    )
