"""Score the labelled pages among unrelated background articles: `python -m tests.bench.mixed`.

Prints a Markdown table. One random order of the labelled pages is decided alone, and interleaved at random with
Reuters-21578, with a synthetic crawl, and with Markov texts of real phrases, each time in an empty namespace of a real
index. A background article belongs to no gold story. B-cubed precision of a page is the share of *all* articles of its
story that belong to its gold story. A pair of a page and a background article in one story is a wrong pair. Pairs of
background articles are not scored.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final
from uuid import uuid4

from reprise.bootstrap import article_processor, open_index
from reprise.commands.support.file_input import override_redis_url, provide_redis, read_messages
from reprise.commands.support.progress import ProgressDisplay
from reprise.commands.support.signals import interrupt_on_termination
from reprise.evaluation.labels import LabelledArticle, gold_labels, read_lines
from reprise.evaluation.runs import shuffle
from reprise.evaluation.scores import Scores, f1_score, score
from reprise.index.redis.client import connect
from reprise.model import Article, Decision, Fingerprint, Message
from reprise.processing.ports import Index
from reprise.processing.processor import ArticleProcessor
from reprise.settings import Settings, load
from reprise.synthetic import CrawlOptions, generate_crawl
from reprise.synthetic.languages import LANGUAGES
from reprise.synthetic.serialize import serialize_line
from tests.bench.markov import generate_markov_texts

_SHARED: Final = Path("../shared/eval")

#: articles of a batch: the default of the worker
_BATCH: Final = 500

#: words of a Markov text: the mean of the kept words of the labelled pages
_MARKOV_WORDS: Final = 450

#: a window of one hour: longer than a run, but short in a shared Redis
_SETTINGS: Final = {
    "REPRISE_NAMESPACE": "mixed",
    "REPRISE_WINDOW_SECONDS": "3600",
    "REPRISE_REPLAY_SECONDS": "3600",
}

MakeFingerprints = Callable[[], Iterator[Fingerprint]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """The background articles of a run. `articles` generates all `count` of them, once for each order."""

    name: str
    count: int
    articles: MakeFingerprints


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundRun:
    """The result of one order with one background.

    scores                 scores of the labelled pages; background articles in their stories count as wrong
    joined                 background articles in the story of a labelled page
    stop_bands             mean number of stop bands of a labelled page
    full_buckets           mean number of bands of a labelled page with a full bucket
    decisions_per_second   decisions of the index per second, without the text step
    """

    background: str
    seed: int
    scores: Scores
    joined: int
    stop_bands: float
    full_buckets: float
    decisions_per_second: float


def score_with_background(gold: Mapping[str, str], predicted: Mapping[str, str]) -> tuple[Scores, int]:
    """Score the articles of `gold`, whose stories may contain background articles.

    gold       label by article id
    predicted  story by article id, for labelled and background articles

    Return the scores and the number of background articles in the stories of labelled ones.
    """
    scores = score(gold, predicted)
    labelled = Counter(predicted[article] for article in gold)
    story_sizes = Counter(story for story in predicted.values() if story in labelled)
    overlaps = Counter((predicted[article], label) for article, label in gold.items())
    b3_p = sum(count * count / story_sizes[story] for (story, _), count in overlaps.items()) / len(gold)
    right_pairs = sum(count * (count - 1) // 2 for count in overlaps.values())
    pairs = sum(
        count * (count - 1) // 2 - (count - labelled[story]) * (count - labelled[story] - 1) // 2
        for story, count in story_sizes.items()
    )
    pair_p = right_pairs / max(1, pairs)
    mixed_scores = replace(
        scores,
        b3_p=b3_p,
        b3_f1=f1_score(b3_p, scores.b3_r),
        pair_p=pair_p,
        pair_f1=f1_score(pair_p, scores.pair_r),
    )
    return mixed_scores, story_sizes.total() - labelled.total()


def interleave(
    pages: Sequence[Fingerprint], background: Iterable[Fingerprint], count: int, seed: int
) -> Iterator[Fingerprint]:
    """Interleave pages with `count` background articles at random. Both keep their order."""
    rng, at = random.Random(seed), 0
    others = iter(background)
    for remaining in range(count + len(pages), 0, -1):
        if rng.randrange(remaining) < len(pages) - at:
            yield pages[at]
            at += 1
        else:
            yield next(others)


def measure(
    settings: Settings,
    index: Index,
    pages: Sequence[LabelledArticle],
    background: Background,
    seed: int,
    progress: ProgressDisplay,
) -> BackgroundRun:
    """Decide the pages in the order of `seed`, interleaved with the background, in an empty namespace."""
    gold = gold_labels(pages)
    order = [page.fingerprint for page in shuffle(pages, seed)]
    namespace = f"{settings.index.namespace}-{uuid4().hex[:8]}"
    stories: dict[str, str] = {}
    page_decisions: list[Decision] = []
    seconds = 0.0
    arrivals = interleave(order, background.articles(), background.count, seed)
    with progress.bar(f"{background.name}, order {seed}", len(order) + background.count) as advance:
        while batch := list(islice(arrivals, _BATCH)):
            start = time.perf_counter()
            decisions = index.submit(namespace, batch, int(time.time() * 1000)).result()
            seconds += time.perf_counter() - start
            for fingerprint, decision in zip(batch, decisions, strict=True):
                stories[fingerprint.article_id] = decision.story_id
                if fingerprint.article_id in gold:
                    page_decisions.append(decision)
            advance(len(batch))
    scores, joined = score_with_background(gold, stories)
    return BackgroundRun(
        background=background.name,
        seed=seed,
        scores=scores,
        joined=joined,
        stop_bands=sum(decision.trace.stop_bands for decision in page_decisions) / len(page_decisions),
        full_buckets=sum(decision.trace.full_buckets for decision in page_decisions) / len(page_decisions),
        decisions_per_second=(len(order) + background.count) / seconds,
    )


def no_background() -> Background:
    """Return a background without articles."""
    return Background(name="none", count=0, articles=lambda: iter(()))


def file_background(settings: Settings, processor: ArticleProcessor, name: str, source: str | None) -> Background:
    """Return the articles of a file as a background, in the order of the file.

    Articles without a source get `source`. With None they have no source, in which case the rule joins most.
    """
    articles = _read_articles(settings, name, replace(processor, default_source=source))
    fingerprints = [labelled.fingerprint for labelled, _ in articles]
    return Background(name=Path(name).name.split(".")[0], count=len(fingerprints), articles=lambda: iter(fingerprints))


def synthetic_background(processor: ArticleProcessor, options: CrawlOptions) -> Background:
    """Return a synthetic crawl, with HTML pages, as a background."""

    def articles() -> Iterator[Fingerprint]:
        for number, generated in enumerate(generate_crawl(options)):
            value = serialize_line(generated, with_labels=False)
            yield processor.fingerprint(
                processor.decode(Message(topic="synthetic", partition=0, offset=number, key=None, value=value))
            )

    count = options.count or 0
    return Background(name=f"{count:,} synthetic ({', '.join(options.languages)})", count=count, articles=articles)


def _read_articles(
    settings: Settings, name: str, processor: ArticleProcessor
) -> Iterator[tuple[LabelledArticle, Article]]:
    """Return the lines of a file that are valid articles."""
    lines = read_lines(read_messages(settings, name), processor.decode, processor.fingerprint)
    return (line for line in lines if isinstance(line, tuple))


def markov_background(
    settings: Settings, processor: ArticleProcessor, name: str, files: Sequence[str], count: int
) -> Background:
    """Return Markov texts of the words of files as a background. They show the effect of shared phrases alone."""
    texts = [article.text for file in files for _, article in _read_articles(settings, file, processor)]

    def articles() -> Iterator[Fingerprint]:
        for number, text in enumerate(generate_markov_texts(texts, count, _MARKOV_WORDS, seed=0)):
            yield processor.fingerprint(Article(article_id=f"markov-{number}", text=text))

    return Background(name=f"{count:,} Markov texts of {name}", count=count, articles=articles)


def markdown(runs: Sequence[BackgroundRun]) -> str:
    """Return the runs as a table. The loss of F1 refers to the first run with the same seed."""
    out = [
        "| background | order | F1 | precision | recall | pairwise precision | pairwise recall | loss of F1 "
        "| background articles in their stories | stop bands per page | full buckets per page | decisions/s |",
        "| --- " + "| ---: " * 11 + "|",
    ]
    base_f1: dict[int, float] = {}
    for run in runs:
        scores = run.scores
        base_f1.setdefault(run.seed, scores.b3_f1)
        loss = base_f1[run.seed] - scores.b3_f1
        shares = (scores.b3_f1, scores.b3_p, scores.b3_r, scores.pair_p, scores.pair_r, loss)
        out.append(
            f"| {run.background} | {run.seed} | {' | '.join(f'{share:.4f}' for share in shares)} | {run.joined:,} "
            f"| {run.stop_bands:.2f} | {run.full_buckets:.2f} | {run.decisions_per_second:,.0f} |"
        )
    return "\n".join(out)


def main() -> int:
    """Measure and print. Return 1 if the mean loss of F1 with a background is above --max-loss."""
    options = _parse_options()
    interrupt_on_termination()
    progress = ProgressDisplay(sys.stderr)
    with provide_redis(options.redis_url) as url:
        settings = load(override_redis_url(url) | _SETTINGS)
        processor = article_processor(settings)
        pages = [labelled for labelled, _ in _read_articles(settings, options.gold, processor)]
        backgrounds = [no_background()]
        if options.reuters:
            backgrounds.append(file_background(settings, processor, options.reuters, options.source))
        if options.count:
            backgrounds.append(
                synthetic_background(
                    processor, CrawlOptions(count=options.count, languages=options.languages.split(","))
                )
            )
        if options.markov and options.reuters:
            backgrounds.append(markov_background(settings, processor, "Reuters", [options.reuters], options.markov))
        if options.markov:
            files = [name for name in (options.gold, options.reuters) if name]
            backgrounds.append(markov_background(settings, processor, "Reuters and the pages", files, options.markov))
        client = connect(settings.redis)
        with closing(open_index(settings, client)) as index:
            runs = [
                measure(settings, index, pages, background, seed, progress)
                for seed in range(options.orders)
                for background in backgrounds
            ]
    sys.stdout.write(markdown(runs) + "\n")
    return 1 if any(loss > options.max_loss for loss in _losses(runs)) else 0


def _losses(runs: Sequence[BackgroundRun]) -> list[float]:
    """Return the mean loss of F1 with each background."""
    values: dict[str, list[float]] = {}
    for run in runs:
        values.setdefault(run.background, []).append(run.scores.b3_f1)
    base, *others = (sum(f1) / len(f1) for f1 in values.values())
    return [base - f1 for f1 in others]


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mixed", description=__doc__)
    parser.add_argument("--gold", default=str(_SHARED / "spotsigs-dev.jsonl.gz"), help="file of labelled articles")
    parser.add_argument(
        "--reuters", default=str(_SHARED / "reuters21578.jsonl.gz"), help="file of background articles; '' for none"
    )
    parser.add_argument("--source", help="source of background articles without one")
    parser.add_argument("--count", type=int, default=100_000, help="number of synthetic articles; 0 for none")
    parser.add_argument("--markov", type=int, default=100_000, help="number of Markov texts; 0 for none")
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="languages of the synthetic articles")
    parser.add_argument("--orders", type=int, default=2, help="number of random orders of arrival")
    parser.add_argument("--max-loss", type=float, default=0.01, help="largest mean loss of F1 that passes")
    parser.add_argument("--redis-url", help="Redis for the index; default: an embedded store")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
