"""The sets of articles of `python -m tests.bench.detection`, and the figures that each one gives.

Each function decides one set in the reference index and returns its figures. The files lie in the directory of shared
data (REPRISE_SHARED) and are read in place.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, permutations
from math import factorial
from pathlib import Path
from random import Random
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Final

from reprise.bootstrap import article_processor
from reprise.commands.support.file_input import override_redis_url, read_messages
from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.evaluation.labels import LabelledArticle, RejectedLine, gold_labels, read_lines
from reprise.evaluation.runs import OrderedRun, decide_in_order, shuffle
from reprise.evaluation.scores import score
from reprise.evaluation.shared_text import SharedText
from reprise.evaluation.shared_text_scores import SharedTextScores, SharedTextTruth, find_truth, score_run
from reprise.evaluation.story_merges import MergeInRun, apply_merges, is_wrong, list_merges
from reprise.index.memory import MemoryIndex
from reprise.model import Article
from reprise.settings import load
from tests.bench.hashes import fingerprint_with_hash
from tests.bench.layouts import LAYOUTS, Layout

SHARED: Final = Path(os.environ.get("REPRISE_SHARED", "../shared")).resolve()

#: one time for all decisions, so that nothing expires
_NOW: Final = 1_750_000_000.0
_RETENTION: Final = Retention(window_seconds=7 * 86_400, replay_seconds=86_400)

#: articles of each set whose copies are laid out anew, and the fewest words of such an article
_LAYOUT_ARTICLES: Final = 100
_LAYOUT_WORDS: Final = 50

#: hash functions under which the seed articles are decided in every order, and the seed with a story of its own
_HASH_FUNCTIONS: Final = 40
_UNRELATED_SEED: Final = "004"

#: scores by label that are reported, and their titles
_FIGURES: Final = {
    "b3_f1": "F1",
    "b3_p": "precision",
    "b3_r": "recall",
    "pair_p": "pairwise precision",
    "pair_r": "pairwise recall",
}

#: merges of a set without labels that are printed to be read
_PRINTED_MERGES: Final = 40

#: field cases of the input formats: their messages are not understood without settings
_INPUT_CASES: Final = frozenset(
    {
        "circuit-names-no-reason",
        "html-in-text",
        "spa-shell-json-ld",
        "trafilatura-json-source-is-url",
        "wall-bloomberg",
        "wall-then-article",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of a set in one order or over several. `value` is a share, a whole number, or text to be read."""

    order: str
    name: str
    value: float | int | str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionRun:
    """The rule to measure, and the number of random orders.

    random_orders      orders of labelled sets, besides the order of the file
    unlabelled_orders  the same of sets without labels, which take longer
    """

    rule: Rule
    random_orders: int
    unlabelled_orders: int

    def read(self, path: Path, source: str | None = None) -> list[tuple[LabelledArticle, Article]]:
        """Return the valid articles of a file, with their texts; `source` is that of articles without one."""
        settings = load(override_redis_url("unix:///nowhere"))  # only limits are used; nothing connects
        processor = article_processor(settings, default_source=source)
        lines = read_lines(read_messages(settings, str(path)), processor.decode, processor.fingerprint)
        return [line for line in lines if not isinstance(line, RejectedLine)]

    def decide(self, articles: Sequence[LabelledArticle], seed: int | None = None) -> OrderedRun:
        """Decide the articles in one order, in an index of its own."""
        index = MemoryIndex(rule=self.rule, retention=_RETENTION)
        run = partial(decide_in_order, batch=500, clock=lambda: _NOW, advance=lambda _: None)
        return run(shuffle(articles, seed), seed, index, "n")


def labelled(run: DetectionRun, path: Path) -> Iterator[Figure]:
    """Score a labelled file in random orders and in its own."""
    articles = [article for article, _ in run.read(path)]
    gold = gold_labels(articles)
    if run.random_orders:
        runs = [run.decide(articles, seed) for seed in range(run.random_orders)]
        scores = [score(gold, each.stories()) for each in runs]
        for name, title in _FIGURES.items():
            values = [getattr(each, name) for each in scores]
            yield Figure(order="random, mean", name=title, value=fmean(values))
            yield Figure(order="random, worst", name=title, value=min(values))
        yield from _merge_figures("random, mean", runs, gold)
    own = run.decide(articles)
    scores_in_file_order = score(gold, own.stories())
    for name, title in _FIGURES.items():
        yield Figure(order="file", name=title, value=getattr(scores_in_file_order, name))
    yield from _merge_figures("file", [own], gold)


def _merge_figures(order: str, runs: Sequence[OrderedRun], gold: Mapping[str, str]) -> Iterator[Figure]:
    """Yield the scores with merges applied, and the merges of all runs."""
    scores = [score(gold, apply_merges(each).stories()) for each in runs]
    merges = [merge for each in runs for merge in list_merges(each)]
    yield Figure(order=order, name="F1 with merges", value=fmean(each.b3_f1 for each in scores))
    yield Figure(order=order, name="pairwise precision with merges", value=fmean(each.pair_p for each in scores))
    yield Figure(order=order, name="merges", value=len(merges))
    yield Figure(order=order, name="wrong merges", value=sum(is_wrong(merge, gold) for merge in merges))


def generated(run: DetectionRun, shape: str, *options: str) -> Iterator[Figure]:
    """Score a labelled crawl of a shape of field/make.py."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "crawl.jsonl"
        with path.open("wb") as file:
            subprocess.run([sys.executable, SHARED / "field" / "make.py", shape, *options], stdout=file, check=True)
        yield from labelled(run, path)


def unlabelled(run: DetectionRun, path: Path, source: str | None = None) -> Iterator[Figure]:
    """Score a file by shared text, in its order and in random ones."""
    pages = run.read(path, source)
    articles = [article for article, _ in pages]
    truth = find_truth(articles, SharedText(article.text for _, article in pages))
    found: defaultdict[str, list[float]] = defaultdict(list)
    for seed in range(run.unlabelled_orders):
        decided = run.decide(articles, seed)
        for figure in chain(_shared_text_figures("", score_run(truth, decided)), _merged_figures("", truth, decided)):
            if not isinstance(figure.value, str):
                found[figure.name].append(figure.value)
    for name, values in found.items():
        yield Figure(order="random, mean", name=name, value=fmean(values))
    decided = run.decide(articles)
    yield from _shared_text_figures("file", score_run(truth, decided, stories=10))
    yield from _merged_figures("file", truth, decided)


def _merged_figures(order: str, truth: SharedTextTruth, decided: OrderedRun) -> Iterator[Figure]:
    merges = list_merges(decided)
    yield Figure(order=order, name="merges", value=len(merges))
    if merges:
        scores = score_run(truth, apply_merges(decided))
        yield Figure(order=order, name="copied pairs with merges", value=scores.story_pairs.precision)
        yield Figure(order=order, name="largest with merges", value=scores.largest_articles)
        yield Figure(order=order, name="merged", value="; ".join(map(_describe_merge, merges[:_PRINTED_MERGES])))


def _describe_merge(merge: MergeInRun) -> str:
    younger, older, shown_by = (
        " ".join(f"{articles[0].title or articles[0].article_id}".split())[:60] if articles else "none"
        for articles in (merge.younger, merge.older, [merge.shown_by])
    )
    return f"{younger} ({len(merge.younger)}) INTO {older} ({len(merge.older)}) BY {shown_by}".replace("|", "/")


def _shared_text_figures(order: str, scores: SharedTextScores) -> Iterator[Figure]:
    yield Figure(order=order, name="copied pairs", value=scores.story_pairs.precision)
    yield Figure(order=order, name="copied events", value=scores.joins.precision)
    for each in scores.recall:
        if each.pairs:
            name = f"recall {each.lowest:.1f}{'s' if each.same_source else 'x'}".replace("0.", ".")
            yield Figure(order=order, name=name, value=each.recall)
    yield Figure(order=order, name="largest", value=scores.largest_articles)
    if scores.largest:
        sizes = " ".join(str(story.articles) for story in scores.largest)
        yield Figure(order=order, name="largest ten", value=sizes)
    yield Figure(order=order, name="stories", value=scores.stories)


def layouts(run: DetectionRun) -> Iterator[Figure]:
    """Decide articles of several languages and their copies in other layouts; the recall is that of the copies."""
    names = ("spotsigs-dev", "saudi-dev", "bsnlp-dev", "fakebr-dev")
    texts = list(chain.from_iterable(_sample_texts(SHARED / "eval" / f"{name}.jsonl.gz") for name in names))
    for name, layout in LAYOUTS.items():
        yield Figure(order="copies last", name=name, value=_recall_of_copies(run, texts, layout))


def _sample_texts(path: Path) -> Sequence[str]:
    rows = subprocess.run(["gzip", "-dc", str(path)], stdout=subprocess.PIPE, check=True).stdout.splitlines()
    Random(1).shuffle(rows)
    texts = (json.loads(row)["text"] for row in rows)
    return [text for text in texts if len(text.split()) >= _LAYOUT_WORDS][:_LAYOUT_ARTICLES]


def _recall_of_copies(run: DetectionRun, texts: Sequence[str], layout: Layout) -> float:
    originals = [{"id": f"o{n}", "source": f"{n % 40}.example", "text": text} for n, text in enumerate(texts)]
    copies = [
        {"id": f"c{n}", "source": "copies.example", "text": layout(text, Random(n))} for n, text in enumerate(texts)
    ]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "layouts.jsonl"
        path.write_text("".join(f"{json.dumps(row)}\n" for row in (*originals, *copies)))
        stories = run.decide([article for article, _ in run.read(path)]).stories()
    return fmean(stories.get(f"o{n}", "") == stories.get(f"c{n}") for n in range(len(texts)))


def seeds(run: DetectionRun) -> Iterator[Figure]:
    """Count the hash functions under which the seed articles become the right two stories in every order."""
    texts = [
        Article(article_id=path.name[:3], text=path.read_text("utf-8"))
        for path in sorted((SHARED / "seeds").glob("*.txt"))
    ]
    right = []
    for number in range(_HASH_FUNCTIONS):
        prints = [fingerprint_with_hash(article, number) for article in texts]
        count = 0
        for order in permutations(prints):
            decisions = MemoryIndex(rule=run.rule, retention=_RETENTION).decide("seeds", order, int(_NOW * 1000))
            stories = {each.article_id: decision.story_id for each, decision in zip(order, decisions, strict=True)}
            unrelated = stories.pop(_UNRELATED_SEED)
            count += len(set(stories.values())) == 1 and unrelated not in stories.values()
        right.append(count)
    yield Figure(order="all", name="hash functions", value=sum(count == factorial(len(texts)) for count in right))
    yield Figure(order="all", name="orders", value=sum(right))


def field(run: DetectionRun) -> Iterator[Figure]:
    """Count the field cases whose stories are as expected, without those of the input formats."""
    wrong, total = [], 0
    for path in sorted((SHARED / "field" / "cases").glob("*.expect.json")):
        name = path.name.removesuffix(".expect.json")
        if name not in _INPUT_CASES:
            total += 1
            articles = [article for article, _ in run.read(path.with_name(f"{name}.jsonl"))]
            decided = run.decide(articles).decided
            stories = {item.article.line - 1: item.decision.story_id for item in decided}
            if not _is_as_expected(stories, json.loads(path.read_text())["stories"]):
                wrong.append(name)
    yield Figure(order="file", name="cases wrong", value=len(wrong))
    yield Figure(order="file", name="wrong", value=", ".join(wrong) or "none")
    yield Figure(order="file", name="cases", value=total)


def _is_as_expected(stories: Mapping[int, str], groups: Sequence[Sequence[int]]) -> bool:
    found = [{stories.get(line) for line in group} for group in groups]
    is_whole = all(
        len(ids) == 1 and (len(group) == 1 or None not in ids) for ids, group in zip(found, groups, strict=True)
    )
    known = [ids - {None} for ids in found]
    return is_whole and len(set().union(*known)) == sum(map(len, known))
