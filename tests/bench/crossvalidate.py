"""Cross-validate the thresholds of the rule: `python -m tests.bench.crossvalidate [FILE ...]`.

Prints Markdown tables. Each threshold is moved down and up. Every resulting rule decides every set in the reference
index: labelled sets in several orders of arrival under several hash functions, sets without labels in their own order.
The score of a labelled set is the B-cubed F1, that of a set without labels the F1 of shared text: of the share of pairs
in stories that have copied text, and of the share of pairs with containment of 0.5 or more that are in one story. Both
are those after all merges.

Leave one set out: the rule with the best mean over the other sets is scored on the set, which did not influence the
choice. Leave stories out: the same for each fold of a labelled set's stories. The scores of a fold cover its articles,
compared with all stories: an article of another fold in their story counts as wrong.
"""

import argparse
import multiprocessing
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Final

from reprise.dedup.rule import Rule
from reprise.evaluation.labels import LabelledArticle, gold_labels
from reprise.evaluation.scores import f1_score, score_stories
from reprise.evaluation.shared_text import SharedText
from reprise.evaluation.shared_text_scores import SharedTextTruth, find_truth, score_run
from reprise.evaluation.story_merges import apply_merges
from tests.bench.detection_sets import SHARED, DetectionRun
from tests.bench.hashes import fingerprint_with_hash
from tests.bench.rule_changes import apply_changes, neighbours, thresholds

#: Sets that are decided without arguments.
_FILES: Final = ("spotsigs-dev", "spotsigs-dev-main", "bsnlp-dev", "fakebr-dev", "saudi-dev")

#: Name of the rule without a change in the tables.
_DEFAULT: Final = "default"

#: Containment from which on a pair of articles must be in one story.
_RECALL_FROM: Final = 0.5

#: Rules of which the table of all rules shows the ones that differ most from the default rule.
_SHOWN_RULES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class StorySums:
    """One story of one run: its number of articles, and the sums of their B-cubed precision and recall."""

    articles: int
    precision: float
    recall: float


#: One run of one rule: the sums of each gold story; of a set without labels, one entry that has its F1 as both sums.
RunSums = Mapping[str, StorySums]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleSet:
    """A set of articles. `variants` has its articles under each hash function; `truth` is None for a labelled set."""

    variants: Sequence[Sequence[LabelledArticle]]
    gold: Mapping[str, str]
    truth: SharedTextTruth | None


#: The sets by name. Processes of the pool inherit them.
_SETS: Final[dict[str, ArticleSet]] = {}


def read_set(path: Path, hash_functions: int) -> ArticleSet:
    """Read a set. It is labelled if one of its articles is."""
    pages = DetectionRun(rule=Rule(), random_orders=0, unlabelled_orders=0).read(path)
    articles = [article for article, _ in pages]
    if all(article.label is None for article in articles):
        truth = find_truth(articles, SharedText(article.text for _, article in pages))
        return ArticleSet(variants=[articles], gold={}, truth=truth)
    variants = [
        [replace(page, fingerprint=fingerprint_with_hash(article, number)) for page, article in pages]
        for number in range(hash_functions)
    ]
    return ArticleSet(variants=variants, gold=gold_labels(articles), truth=None)


def run_rule(name: str, change: str, orders: int) -> list[RunSums]:
    """Decide a set by the rule with a change, in each order and under each hash function."""
    articles = _SETS[name]
    with apply_changes([] if change == _DEFAULT else [change]) as rule:
        run = DetectionRun(rule=rule, random_orders=0, unlabelled_orders=0)
        if articles.truth is not None:
            return [_score_shared_text(articles.truth, run)]
        decided = (run.decide(variant, seed) for variant, seed in product(articles.variants, range(orders)))
        return [_score_labels(articles.gold, apply_merges(each).stories()) for each in decided]


def _score_labels(gold: Mapping[str, str], stories: Mapping[str, str]) -> RunSums:
    return {
        score.story: StorySums(
            articles=score.articles, precision=score.articles * score.precision, recall=score.articles * score.recall
        )
        for score in score_stories(gold, stories)
    }


def _score_shared_text(truth: SharedTextTruth, run: DetectionRun) -> RunSums:
    scores = score_run(truth, apply_merges(run.decide(truth.articles)))
    wanted = [each for each in scores.recall if each.lowest >= _RECALL_FROM]
    recall = sum(each.found for each in wanted) / max(1, sum(each.pairs for each in wanted))
    return {"all": StorySums(articles=1, precision=scores.story_pairs.precision, recall=recall)}


def f1(run: RunSums, stories: Sequence[str]) -> float:
    """Return the F1 of the articles of these stories."""
    sums = [run[story] for story in stories]
    articles = sum(story.articles for story in sums)
    return f1_score(sum(story.precision for story in sums) / articles, sum(story.recall for story in sums) / articles)


def mean_f1(runs: Sequence[RunSums], stories: Sequence[str] | None = None) -> float:
    """Return the mean F1 of these stories, or of all, over the runs."""
    return fmean(f1(run, list(run) if stories is None else stories) for run in runs)


def make_folds(gold: Mapping[str, str], count: int) -> list[list[str]]:
    """Distribute the stories over folds by size, so that each fold has large and small stories."""
    sizes: defaultdict[str, int] = defaultdict(int)
    for story in gold.values():
        sizes[story] += 1
    ranked = sorted(sizes, key=lambda story: (-sizes[story], story))
    return [ranked[number::count] for number in range(count)]


def rule_table(runs: Mapping[str, Mapping[str, Sequence[RunSums]]]) -> Iterator[str]:
    """Yield a table of the mean F1 of each set by the default rule, and by the rules that differ most from it.

    runs: by set, then by rule
    """
    yield f"| rule | {' | '.join(runs)} | mean |"
    yield f"| --- {'| ---: ' * (len(runs) + 1)}|"
    scores = {rule: [mean_f1(rules[rule]) for rules in runs.values()] for rule in next(iter(runs.values()))}
    default = scores[_DEFAULT]
    ranked = sorted(
        (rule for rule in scores if rule != _DEFAULT),
        key=lambda rule: -max(abs(a - b) for a, b in zip(scores[rule], default, strict=True)),
    )
    for rule in (_DEFAULT, *ranked[:_SHOWN_RULES]):
        yield f"| {rule} | {' | '.join(f'{value:.4f}' for value in scores[rule])} | {fmean(scores[rule]):.4f} |"


def set_table(runs: Mapping[str, Mapping[str, Sequence[RunSums]]]) -> Iterator[str]:
    """Yield a table of each set with the rule that is the best on the other sets."""
    yield "| set held out | chosen on the others | F1 of the chosen rule | F1 of the default rule |"
    yield "| --- | --- | ---: | ---: |"
    for name, rules in runs.items():
        others = [each for each in runs if each != name]
        best = max(rules, key=lambda rule: fmean(mean_f1(runs[other][rule]) for other in others))
        yield f"| {name} | {best} | {mean_f1(rules[best]):.4f} | {mean_f1(rules[_DEFAULT]):.4f} |"


def fold_table(runs: Mapping[str, Sequence[RunSums]], folds: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table of each fold of stories with the rule that is the best on the other folds."""
    all_stories = [story for fold in folds for story in fold]
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


def main() -> int:
    """Decide every set by every rule, and print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.crossvalidate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="JSON lines; default: the development sets")
    parser.add_argument("--orders", type=int, default=3, help="random orders of labelled sets")
    parser.add_argument("--hash-seeds", type=int, default=2, help="hash functions of labelled sets")
    parser.add_argument("--folds", type=int, default=5, help="folds of a labelled set's stories")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="thresholds to move; default: all")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    for path in options.files or [SHARED / "eval" / f"{name}.jsonl.gz" for name in _FILES]:
        _SETS[path.name.partition(".")[0]] = read_set(path, options.hash_seeds)
    moved = {name: value for name, value in thresholds().items() if options.only is None or name in options.only}
    rules = [_DEFAULT, *(change for name, value in moved.items() for change in neighbours(name, value))]
    runs: dict[str, dict[str, list[RunSums]]] = {name: {} for name in _SETS}
    work = list(product(_SETS, rules))
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("fork")) as pool:
        names, changes = zip(*work, strict=True)
        for (name, rule), result in zip(
            work, pool.map(run_rule, names, changes, [options.orders] * len(work)), strict=True
        ):
            runs[name][rule] = result
            sys.stderr.write(f"{name}: {rule}: {mean_f1(result):.4f}\n")
    lines = list(rule_table(runs))
    if len(runs) > 1:
        lines += ["", *set_table(runs)]
    for name, articles in _SETS.items():
        if articles.gold:
            lines += ["", f"Stories of {name}:", "", *fold_table(runs[name], make_folds(articles.gold, options.folds))]
    sys.stdout.write("\n".join((*lines, "")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
