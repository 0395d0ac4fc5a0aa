"""Cross-validate the thresholds of the rule: `python -m tests.bench.crossvalidate GOLD.jsonl.gz`.

Prints Markdown tables. Each of several thresholds is moved up and down. Every resulting rule decides the whole file in
several orders of arrival with several hash functions, in the reference index. For each fold of stories, the rule with
the best F1 on the *other* folds is scored on that fold, which did not influence the choice. The B-cubed scores of a
fold cover its articles, compared with all stories: an article of another fold in their story counts as wrong.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import Final
from unittest import mock

import numpy as np

from reprise.commands.support.file_input import read_messages
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.dedup.text import tokens
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.hashing import U64, Offsets, mix64, window_hashes
from reprise.evaluation.labels import LabelledArticle, RejectedLine, gold_labels, read_lines
from reprise.evaluation.runs import decide_in_order, shuffle
from reprise.evaluation.scores import f1_score, score_stories
from reprise.index.memory import MemoryIndex
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.settings import load

#: thresholds of a match, each with the values that are tried besides its default; bounds and sizes are left out,
#: because they trade memory and time for recall
GRID: Final[Mapping[str, tuple[float, ...]]] = {
    "sentence_share": (0.2, 0.4),
    "figure_share": (0.5, 0.8),
    "copied_share": (0.06, 0.1),
    "copied_words": (30, 45),
    "same_source": (0.2, 0.4),
    "strong_support_ratio": (0.15, 0.3),
}

#: one time for all decisions, so that nothing expires
_NOW: Final = 1_750_000_000.0
_RETENTION: Final = Retention(window_seconds=600, replay_seconds=60)

#: name of the default rule in the tables
_DEFAULT: Final = "default"

#: factor that spreads hash seeds over 64 bits; seed 0 is the hash function of the worker
_SEED_FACTOR: Final = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySums:
    """One story of one run: its number of articles, and the sums of their B-cubed precision and recall."""

    articles: int
    precision: float
    recall: float


#: one run of one rule: the sums of each gold story
RunSums = Mapping[str, StorySums]


@contextmanager
def use_hash_seed(seed: int) -> Iterator[None]:
    """Salt the hashes of shingles during the context, so that signatures sample other shingles. 0 does not salt."""

    def salted(values: U64, starts: Offsets, ends: Offsets) -> U64:
        return mix64(window_hashes(values, starts, ends) ^ np.uint64(seed * _SEED_FACTOR & 0xFFFFFFFFFFFFFFFF))

    with mock.patch.object(tokens, "window_hashes", salted if seed else window_hashes):
        yield


def read_articles(name: str, rule: Rule) -> list[LabelledArticle]:
    """Return the labelled articles of a file."""
    settings = load({"REPRISE_REDIS_URL": "redis://localhost:6379/0"})
    limits = DecoderLimits(
        message_bytes=settings.limits.max_message_bytes, text_characters=settings.limits.max_text_characters
    )
    lines = read_lines(
        read_messages(settings, name), partial(decode_article, limits=limits), partial(fingerprint, rule=rule)
    )
    return [line[0] for line in lines if not isinstance(line, RejectedLine)]


def run(articles: Sequence[LabelledArticle], gold: Mapping[str, str], rule: Rule, seed: int) -> RunSums:
    """Decide the articles in one order and score each story."""
    index = MemoryIndex(rule=rule, retention=_RETENTION)
    order = shuffle(articles, seed)
    decided = decide_in_order(order, seed, index, "n", batch=len(order), clock=lambda: _NOW, advance=lambda _: None)
    return {
        score.story: StorySums(
            articles=score.articles, precision=score.articles * score.precision, recall=score.articles * score.recall
        )
        for score in score_stories(gold, decided.stories())
    }


def f1(run: RunSums, stories: Sequence[str]) -> float:
    """Return the B-cubed F1 of the articles of these stories."""
    sums = [run[story] for story in stories]
    articles = sum(story.articles for story in sums)
    return f1_score(sum(story.precision for story in sums) / articles, sum(story.recall for story in sums) / articles)


def make_folds(gold: Mapping[str, str], count: int) -> list[list[str]]:
    """Distribute the stories over folds by size, so that each fold has large and small stories."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for story in gold.values():
        sizes[story] += 1
    ranked = sorted(sizes, key=lambda story: (-sizes[story], story))
    return [ranked[number::count] for number in range(count)]


def make_rules() -> dict[str, Rule]:
    """Return the rules to choose from, by the threshold that they change."""
    default = Rule()
    changed = {
        f"{name} {value:g}": replace(default, **{name: value})  # type: ignore[arg-type]  # each value has the type of its field
        for name, values in GRID.items()
        for value in values
    }
    return {_DEFAULT: default} | changed


def markdown(runs: Mapping[str, Sequence[RunSums]], folds: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of two tables: each rule on all stories, and each fold with the rule chosen on the others."""
    all_stories = [story for fold in folds for story in fold]
    yield "| rule | mean F1 | worst | best |"
    yield "| --- | ---: | ---: | ---: |"
    for name, rule_runs in runs.items():
        values = [f1(run, all_stories) for run in rule_runs]
        yield f"| {name} | {fmean(values):.4f} | {min(values):.4f} | {max(values):.4f} |"
    yield ""
    yield "| fold held out | articles | chosen on the others | F1 of the chosen rule | F1 of the default rule |"
    yield "| --- | ---: | --- | ---: | ---: |"
    chosen: list[Sequence[RunSums]] = []
    for number, fold in enumerate(folds):
        others = [story for story in all_stories if story not in fold]
        best = max(runs, key=lambda name: mean_f1(runs[name], others))
        chosen.append(runs[best])
        articles = sum(runs[best][0][story].articles for story in fold)
        yield (
            f"| {number + 1} | {articles:,} | {best} | {mean_f1(runs[best], fold):.4f} | "
            f"{mean_f1(runs[_DEFAULT], fold):.4f} |"
        )
    # Every article once, with a rule whose choice its story did not influence.
    pooled = [
        {story: fold_runs[at][story] for fold_runs, fold in zip(chosen, folds, strict=True) for story in fold}
        for at in range(len(chosen[0]))
    ]
    values = [f1(run, all_stories) for run in pooled]
    summary = f"{fmean(values):.4f} ({min(values):.4f} to {max(values):.4f})"
    yield f"| all, each held out | | | {summary} | {mean_f1(runs[_DEFAULT], all_stories):.4f} |"


def mean_f1(runs: Sequence[RunSums], stories: Sequence[str]) -> float:
    """Return the mean F1 of these stories over orders and hash seeds."""
    return fmean(f1(run, stories) for run in runs)


def main() -> int:
    """Decide the file with every hash seed, rule and order, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crossvalidate", description=__doc__)
    parser.add_argument("gold", help="file of labelled articles, JSON lines, .gz too")
    parser.add_argument("--orders", type=int, default=5, help="random orders of arrival")
    parser.add_argument("--hash-seeds", type=int, default=5, help="number of hash functions")
    parser.add_argument("--folds", type=int, default=5, help="number of folds")
    options = parser.parse_args()
    runs: defaultdict[str, list[RunSums]] = defaultdict(list)
    gold: Mapping[str, str] = {}
    for hash_seed in range(options.hash_seeds):
        with use_hash_seed(hash_seed):
            articles = read_articles(options.gold, Rule())
        gold = gold_labels(articles)
        for name, rule in make_rules().items():
            runs[name] += [run(articles, gold, rule, order) for order in range(options.orders)]
        sys.stderr.write(f"hash seed {hash_seed + 1} of {options.hash_seeds}\n")
    sys.stdout.write("\n".join(markdown(runs, make_folds(gold, options.folds))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
