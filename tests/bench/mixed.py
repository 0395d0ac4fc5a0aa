"""The labelled pages among articles that have nothing to do with them: `python -m tests.bench.mixed`, a Markdown table.

The same random order of the labelled pages is decided alone, and scattered at random over Reuters-21578, over a
synthetic crawl, and over articles chained from real phrases, each time in an empty namespace of a real index. A foreign
article is a story of its own: B-cubed precision of a page is the share of *all* articles of its story that are of its
gold story, and a pair of a page and a foreign article in one story is a wrong pair. Pairs of foreign articles are not
scored.
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
from tests.bench.chained import chained

_SHARED: Final = Path("../shared/eval")

#: Articles of one round trip: the worker's own default.
_BATCH: Final = 500

#: Words of a chained article: what the labelled pages keep of theirs, on average.
_CHAINED_WORDS: Final = 450

#: An hour: longer than a run takes, and not for long in a Redis that others use.
_SETTINGS: Final = {
    "REPRISE_NAMESPACE": "mixed",
    "REPRISE_WINDOW_SECONDS": "3600",
    "REPRISE_REPLAY_SECONDS": "3600",
}

Foreign = Callable[[], Iterator[Fingerprint]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """What the pages are scattered over: so many articles, made anew for each order."""

    name: str
    count: int
    articles: Foreign


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One order among one crowd.

    scores            of the labelled pages, foreign articles in their stories counted as wrong
    glued             foreign articles in a story that holds a labelled page
    stopped           bands of a labelled page that were stop bands, mean
    full              bands of a labelled page whose bucket was at its bound, mean
    decisions_second  decisions of the index in a second, the text step left out
    """

    crowd: str
    seed: int
    scores: Scores
    glued: int
    stopped: float
    full: float
    decisions_second: float


def score_among(gold: Mapping[str, str], predicted: Mapping[str, str]) -> tuple[Scores, int]:
    """Score the articles of `gold` (id -> label) in stories that hold others too; and how many others they hold.

    predicted: id -> story, of the labelled and of the foreign.
    """
    own = score(gold, predicted)
    labelled = Counter(predicted[article] for article in gold)
    everything = Counter(story for story in predicted.values() if story in labelled)
    both = Counter((predicted[article], label) for article, label in gold.items())
    b3_p = sum(count * count / everything[story] for (story, _), count in both.items()) / len(gold)
    right = sum(count * (count - 1) // 2 for count in both.values())
    pairs = sum(
        count * (count - 1) // 2 - (count - labelled[story]) * (count - labelled[story] - 1) // 2
        for story, count in everything.items()
    )
    pair_p = right / max(1, pairs)
    scores = replace(
        own,
        b3_p=b3_p,
        b3_f1=f1_score(b3_p, own.b3_r),
        pair_p=pair_p,
        pair_f1=f1_score(pair_p, own.pair_r),
    )
    return scores, everything.total() - labelled.total()


def scattered(
    own: Sequence[Fingerprint], foreign: Iterable[Fingerprint], count: int, seed: int
) -> Iterator[Fingerprint]:
    """Scatter `own` over `count` foreign articles, both in their order, every interleaving as likely."""
    chance, at = random.Random(seed), 0
    others = iter(foreign)
    for left in range(count + len(own), 0, -1):
        if chance.randrange(left) < len(own) - at:
            yield own[at]
            at += 1
        else:
            yield next(others)


def measure(
    settings: Settings, index: Index, pages: Sequence[LabelledArticle], crowd: Crowd, seed: int, show: ProgressDisplay
) -> Run:
    """Decide the pages in the order of `seed`, among the crowd, in a namespace of their own."""
    gold = gold_labels(pages)
    order = [page.fingerprint for page in shuffle(pages, seed)]
    namespace = f"{settings.index.namespace}-{uuid4().hex[:8]}"
    stories: dict[str, str] = {}
    of_pages: list[Decision] = []
    seconds = 0.0
    arrivals = scattered(order, crowd.articles(), crowd.count, seed)
    with show.bar(f"{crowd.name}, order {seed}", len(order) + crowd.count) as advance:
        while batch := list(islice(arrivals, _BATCH)):
            started = time.perf_counter()
            decisions = index.decide(namespace, batch, int(time.time() * 1000))
            seconds += time.perf_counter() - started
            for fingerprint, decision in zip(batch, decisions, strict=True):
                stories[fingerprint.article_id] = decision.story_id
                if fingerprint.article_id in gold:
                    of_pages.append(decision)
            advance(len(batch))
    scores, glued = score_among(gold, stories)
    return Run(
        crowd=crowd.name,
        seed=seed,
        scores=scores,
        glued=glued,
        stopped=sum(each.trace.stop_bands for each in of_pages) / len(of_pages),
        full=sum(each.trace.full_buckets for each in of_pages) / len(of_pages),
        decisions_second=(len(order) + crowd.count) / seconds,
    )


def alone() -> Crowd:
    """Nobody."""
    return Crowd(name="alone", count=0, articles=lambda: iter(()))


def of_file(settings: Settings, processor: ArticleProcessor, name: str, source: str | None) -> Crowd:
    """The articles of a file, in its order; of no source unless one is given, which is where the rule joins most."""
    found = [each[0].fingerprint for each in _articles(settings, name, replace(processor, default_source=source))]
    return Crowd(name=Path(name).name.split(".")[0], count=len(found), articles=lambda: iter(found))


def synthetic(processor: ArticleProcessor, options: CrawlOptions) -> Crowd:
    """A synthetic crawl, read from its lines as the worker reads them, HTML among them."""

    def articles() -> Iterator[Fingerprint]:
        for number, labelled in enumerate(generate_crawl(options)):
            value = serialize_line(labelled, with_labels=False)
            yield processor.fingerprint(
                processor.decode(Message(topic="synthetic", partition=0, offset=number, key=None, value=value))
            )

    return Crowd(
        name=f"{options.count:,} synthetic ({', '.join(options.languages)})", count=options.count, articles=articles
    )


def _articles(settings: Settings, name: str, processor: ArticleProcessor) -> Iterator[tuple[LabelledArticle, Article]]:
    """The lines of a file that are articles."""
    lines = read_lines(read_messages(settings, name), processor.decode, processor.fingerprint)
    return (each for each in lines if isinstance(each, tuple))


def of_phrases(settings: Settings, processor: ArticleProcessor, name: str, files: Sequence[str], count: int) -> Crowd:
    """Articles chained out of the words of files: what phrases alone can do."""
    texts = [article.text for file in files for _, article in _articles(settings, file, processor)]

    def articles() -> Iterator[Fingerprint]:
        for number, text in enumerate(chained(texts, count, _CHAINED_WORDS, seed=0)):
            yield processor.fingerprint(Article(article_id=f"chained-{number}", text=text))

    return Crowd(name=f"{count:,} chained of {name}", count=count, articles=articles)


def markdown(runs: Sequence[Run]) -> str:
    """Write the runs as one table; the first of each seed is the one that the others lose against."""
    out = [
        "| among | order | F1 | precision | recall | pairwise precision | pairwise recall | loss of F1 "
        "| foreign in their stories | stop bands a page | full buckets a page | decisions/s |",
        "| --- " + "| ---: " * 11 + "|",
    ]
    base: dict[int, float] = {}
    for run in runs:
        found = run.scores
        base.setdefault(run.seed, found.b3_f1)
        shares = (found.b3_f1, found.b3_p, found.b3_r, found.pair_p, found.pair_r, base[run.seed] - found.b3_f1)
        out.append(
            f"| {run.crowd} | {run.seed} | {' | '.join(f'{share:.4f}' for share in shares)} | {run.glued:,} "
            f"| {run.stopped:.2f} | {run.full:.2f} | {run.decisions_second:,.0f} |"
        )
    return "\n".join(out)


def main() -> int:
    """Measure, print, and fail where a crowd costs more F1 than is allowed, on the mean of the orders."""
    given = _arguments()
    interrupt_on_termination()
    show = ProgressDisplay(sys.stderr)
    with provide_redis(given.redis_url) as url:
        settings = load(override_redis_url(url) | _SETTINGS)
        processor = article_processor(settings)
        pages = [each[0] for each in _articles(settings, given.gold, processor)]
        crowds = [alone()]
        if given.reuters:
            crowds.append(of_file(settings, processor, given.reuters, given.source))
        if given.count:
            crowds.append(synthetic(processor, CrawlOptions(count=given.count, languages=given.languages.split(","))))
        if given.chained and given.reuters:
            crowds.append(of_phrases(settings, processor, "Reuters", [given.reuters], given.chained))
        if given.chained:
            files = [name for name in (given.gold, given.reuters) if name]
            crowds.append(of_phrases(settings, processor, "the pages too", files, given.chained))
        client = connect(settings.redis)
        with closing(open_index(settings, client)) as index:
            runs = [
                measure(settings, index, pages, crowd, seed, show) for seed in range(given.orders) for crowd in crowds
            ]
    sys.stdout.write(markdown(runs) + "\n")
    return 1 if any(loss > given.most for loss in _losses(runs)) else 0


def _losses(runs: Sequence[Run]) -> list[float]:
    """The mean loss of F1 of each crowd."""
    found: dict[str, list[float]] = {}
    for run in runs:
        found.setdefault(run.crowd, []).append(run.scores.b3_f1)
    first, *others = (sum(each) / len(each) for each in found.values())
    return [first - each for each in others]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.mixed", description=__doc__)
    parser.add_argument("--gold", default=str(_SHARED / "spotsigs-dev.jsonl.gz"), help="labelled articles")
    parser.add_argument(
        "--reuters", default=str(_SHARED / "reuters21578.jsonl.gz"), help="foreign articles; '' is none"
    )
    parser.add_argument("--source", help="the source of foreign articles that name none")
    parser.add_argument("--count", type=int, default=100_000, help="synthetic articles; 0 is none")
    parser.add_argument("--chained", type=int, default=100_000, help="articles chained from real phrases; 0 is none")
    parser.add_argument("--languages", default=",".join(LANGUAGES), help="of the synthetic articles")
    parser.add_argument("--orders", type=int, default=2, help="random orders of arrival, seeds 0, 1, ...")
    parser.add_argument("--most", type=float, default=0.01, help="the mean loss of F1 that is allowed")
    parser.add_argument("--redis-url", help="the Redis to decide in; without it, an embedded store")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
