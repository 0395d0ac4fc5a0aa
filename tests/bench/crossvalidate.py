"""Are the thresholds found or chosen? `python -m tests.bench.crossvalidate GOLD.jsonl.gz`, Markdown on standard output.

Each of a few thresholds is moved up and down. Every rule so made decides the whole file in several orders of arrival
under several hash functions, in the reference index. Then, for each fold of stories, the rule with the best F1 on the
*other* folds is scored on that fold, which had no say in it. B-cubed figures are of a fold's articles alone, but
against all stories: an article of another fold in their story counts against them.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import Final
from unittest import mock

import numpy as np

from reprise.commands.support.file_input import read_messages
from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text import tokens
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.hashing import U64, Offsets, mix64, window_hashes
from reprise.evaluation.labels import LabelledArticle, RejectedLine, gold_labels, read_lines
from reprise.evaluation.runs import decide_in_order, shuffle
from reprise.evaluation.scores import f1_score, score_stories
from reprise.index.memory import MemoryIndex
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.settings import load

#: The thresholds that say what a match is, each with the values tried beside its default. Bounds and sizes are not
#: among them: they trade memory and time for recall.
GRID: Final[Mapping[str, tuple[float, ...]]] = {
    "sentence_share": (0.2, 0.4),
    "figure_share": (0.5, 0.8),
    "copied_share": (0.06, 0.1),
    "copied_words": (30, 45),
    "same_source": (0.2, 0.4),
    "older_share": (0.15, 0.3),
}

#: Everything is decided at one moment, so that nothing expires.
_NOW: Final = 1_750_000_000.0
_RETENTION: Final = Retention(window_seconds=600, replay_seconds=60)

#: Spreads the hash seeds over 64 bits; 0 stays 0, which is the hash that the worker uses.
_SPREAD: Final = 0x9E3779B97F4A7C15


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryFigures:
    """One story of one run: its articles, and the sums of their B-cubed precision and recall."""

    articles: int
    precision: float
    recall: float


#: One run of one rule: each gold story's figures.
Run = Mapping[str, StoryFigures]


@contextmanager
def hashed(seed: int) -> Iterator[None]:
    """Hash words otherwise while the context lasts, so that rows and sketches sample other shingles; 0 as they are."""

    def salted(values: U64, starts: Offsets, ends: Offsets) -> U64:
        return mix64(window_hashes(values, starts, ends) ^ np.uint64(seed * _SPREAD & 0xFFFFFFFFFFFFFFFF))

    with mock.patch.object(tokens, "window_hashes", salted if seed else window_hashes):
        yield


def read(name: str, rule: Rule) -> list[LabelledArticle]:
    """The labelled articles of a file, with their fingerprints."""
    settings = load({"REPRISE_REDIS_URL": "redis://localhost:6379/0"})
    limits = DecoderLimits(
        message_bytes=settings.limits.max_message_bytes, text_characters=settings.limits.max_text_characters
    )
    lines = read_lines(
        read_messages(settings, name), partial(decode_article, limits=limits), partial(fingerprint, rule=rule)
    )
    return [line[0] for line in lines if not isinstance(line, RejectedLine)]


def run(articles: Sequence[LabelledArticle], gold: Mapping[str, str], rule: Rule, seed: int) -> Run:
    """Decide the articles in one order, and score each story."""
    index = MemoryIndex(rule=rule, retention=_RETENTION)
    order = shuffle(articles, seed)
    decided = decide_in_order(order, seed, index, "n", batch=len(order), clock=lambda: _NOW, advance=lambda _: None)
    return {
        each.story: StoryFigures(
            articles=each.articles, precision=each.articles * each.precision, recall=each.articles * each.recall
        )
        for each in score_stories(gold, decided.stories())
    }


def f1(run: Run, stories: Sequence[str]) -> float:
    """B-cubed F1 of the articles of these stories."""
    chosen = [run[story] for story in stories]
    articles = sum(each.articles for each in chosen)
    return f1_score(sum(each.precision for each in chosen) / articles, sum(each.recall for each in chosen) / articles)


def folds_of(gold: Mapping[str, str], count: int) -> list[list[str]]:
    """The stories dealt into folds by size, so that each fold has large and small ones."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for story in gold.values():
        sizes[story] += 1
    ranked = sorted(sizes, key=lambda story: (-sizes[story], story))
    return [ranked[number::count] for number in range(count)]


def rules() -> dict[str, Rule]:
    """The rules to choose from, by what they change."""
    default = Rule()
    changed = {
        f"{name} {value:g}": replace(default, **{name: value})  # type: ignore[arg-type]  # each of its field's type
        for name, values in GRID.items()
        for value in values
    }
    return {"as it is": default} | changed


def markdown(runs: Mapping[str, Sequence[Run]], folds: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write the two tables: every rule on all stories, and every fold under the rule that the others chose."""
    every = [story for fold in folds for story in fold]
    yield "| rule | mean F1 | worst | best |"
    yield "| --- | ---: | ---: | ---: |"
    for name, made in runs.items():
        figures = [f1(each, every) for each in made]
        yield f"| {name} | {fmean(figures):.4f} | {min(figures):.4f} | {max(figures):.4f} |"
    yield ""
    yield "| fold held out | articles | chosen on the others | F1 of the choice | F1 of the rule as it is |"
    yield "| --- | ---: | --- | ---: | ---: |"
    chosen: list[Sequence[Run]] = []
    for number, held in enumerate(folds):
        others = [story for story in every if story not in held]
        best = max(runs, key=lambda name: mean_f1(runs[name], others))
        chosen.append(runs[best])
        articles = sum(runs[best][0][story].articles for story in held)
        yield (
            f"| {number + 1} | {articles:,} | {best} | {mean_f1(runs[best], held):.4f} | "
            f"{mean_f1(runs['as it is'], held):.4f} |"
        )
    # every article once, under a rule in whose choice its story had no say
    pooled = [
        {story: made[at][story] for made, held in zip(chosen, folds, strict=True) for story in held}
        for at in range(len(chosen[0]))
    ]
    figures = [f1(each, every) for each in pooled]
    spread = f"{fmean(figures):.4f} ({min(figures):.4f} to {max(figures):.4f})"
    yield f"| all, each held out | | | {spread} | {mean_f1(runs['as it is'], every):.4f} |"


def mean_f1(runs: Sequence[Run], stories: Sequence[str]) -> float:
    """The mean over orders and hash seeds of the F1 of these stories."""
    return fmean(f1(each, stories) for each in runs)


def main(tell: Callable[[str], object] = lambda line: sys.stderr.write(line + "\n")) -> int:
    """Read once a hash seed, decide with every rule in every order, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.crossvalidate", description="Held-out figures.")
    parser.add_argument("gold", help="labelled JSON lines, .gz too")
    parser.add_argument("--orders", type=int, default=5)
    parser.add_argument("--hash-seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=5)
    given = parser.parse_args()
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    gold: Mapping[str, str] = {}
    for hash_seed in range(given.hash_seeds):
        with hashed(hash_seed):
            articles = read(given.gold, Rule())
        gold = gold_labels(articles)
        for name, rule in rules().items():
            runs[name] += [run(articles, gold, rule, order) for order in range(given.orders)]
        tell(f"hash seed {hash_seed + 1} of {given.hash_seeds}")
    sys.stdout.write("\n".join(markdown(runs, folds_of(gold, given.folds))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
