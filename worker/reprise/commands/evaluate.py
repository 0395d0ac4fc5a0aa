"""`reprise evaluate`: score the decisions on a file, by its labels or by the text that its articles share."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import click
import orjson
from redis.exceptions import RedisError
from rich.console import Console

from reprise.bootstrap import article_processor, dedup_rule, open_index
from reprise.commands.support.file_input import override_redis_url, provide_redis, read_messages
from reprise.commands.support.progress import ProgressDisplay
from reprise.commands.support.settings_help import DECISIONS, ConfiguredCommand
from reprise.commands.support.signals import interrupt_on_termination
from reprise.errors import UsageError
from reprise.evaluation import baseline, report, shared_text_report
from reprise.evaluation.error_analysis import find_worst_stories
from reprise.evaluation.labels import LabelledArticle, RejectedLine, gold_labels, read_lines
from reprise.evaluation.runs import OrderedRun, decide_in_order, order_seeds, shuffle
from reprise.evaluation.scores import score
from reprise.evaluation.shared_text import SharedText
from reprise.evaluation.shared_text_scores import SharedTextTruth, find_truth, score_recall, score_run
from reprise.evaluation.story_merges import apply_merges, list_merges, score_merges
from reprise.index.redis.client import Client, connect
from reprise.index.redis.errors import translate_redis_error
from reprise.sanitize import one_line
from reprise.settings import Settings, load

if TYPE_CHECKING:
    from datasketch import MinHash  # an optional package

#: Rejected lines that are printed one by one; further ones are only counted.
_MAX_PRINTED_LINES: Final = 10

#: Characters of the problem of a rejected line.
_MAX_PROBLEM_CHARACTERS: Final = 160

#: Orders without the option --orders. A stream has one order; random ones tell how much the result depends on it.
_LABELLED_ORDERS: Final = 5
_UNLABELLED_ORDERS: Final = 1

#: Keys that one UNLINK deletes.
_UNLINK_BATCH: Final = 1000


@click.command(cls=ConfiguredCommand, uses=DECISIONS)
@click.argument("path", metavar="FILE.jsonl[.gz]")
@click.option("--unlabelled", is_flag=True, help="Score by the text that articles share, without the field 'story'.")
@click.option("--source", metavar="NAME", help="Source of articles that name none.")
@click.option(
    "--orders",
    metavar="N",
    type=click.IntRange(1, 1000),
    show_default="5, or 1 with --unlabelled",
    help="Number of random orders of arrival, besides the order of the file; 1 is the order of the file alone.",
)
@click.option(
    "--worst",
    metavar="N",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Number of stories to show: those with the most errors, or the largest with --unlabelled.",
)
@click.option(
    "--examples",
    metavar="N",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Number of errors, or of weakest joins with --unlabelled, to show for each story.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--redis-url", metavar="URL", help="Redis server to use. Without it, an embedded server starts.")
def command(
    path: str,
    unlabelled: bool,
    source: str | None,
    orders: int | None,
    worst: int,
    examples: int,
    as_json: bool,
    redis_url: str | None,
) -> None:
    """Decide the articles of a file in several orders, and score the stories that result.

    Each line is an article with its story in the field 'story'. An article without one is decided but not scored. If
    several lines have the same id, the last decision counts. datasketch's LSH is scored on the same articles for
    comparison, if it is installed. Each order has an index of its own, which is deleted afterwards.

    With --unlabelled the articles need no story. Precision is the share of pairs in stories that have copied text: 35
    words in runs of eight, or a fifth of the shorter text. Recall is the share of pairs with much text in common that
    are in one story. The largest stories are shown with their weakest joins.
    """
    interrupt_on_termination()
    if orders is None:
        orders = _UNLABELLED_ORDERS if unlabelled else _LABELLED_ORDERS
    with provide_redis(redis_url) as url:
        # A namespace of its own keeps the run apart from the index of a worker in the same Redis.
        settings = load(override_redis_url(url) | {"REPRISE_NAMESPACE": f"evaluate-{uuid4().hex}"})
        evaluation = _Evaluation(settings=settings, orders=orders, display=ProgressDisplay(sys.stderr))
        if unlabelled:
            by_text = evaluation.run_unlabelled(path, source, stories=worst, examples=examples)
            json, terminal = shared_text_report.to_json(by_text), shared_text_report.to_terminal(by_text)
        else:
            by_label = evaluation.run(path, source, worst=worst, examples=examples)
            json, terminal = report.to_json(by_label), report.to_terminal(by_label)
    if as_json:
        click.echo(orjson.dumps(json, option=orjson.OPT_INDENT_2))
    else:
        Console(highlight=False, soft_wrap=True).print(terminal)


@dataclass(slots=True)
class _ArticleFile:
    """The valid articles of a file, and the number of rejected lines.

    signatures  datasketch's, by line number, if it is compared with
    """

    articles: list[LabelledArticle] = field(default_factory=list)
    signatures: "dict[int, MinHash | None]" = field(default_factory=dict)
    rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evaluation:
    """One evaluation: reads a file, decides its articles in every order, and scores the result."""

    settings: Settings
    orders: int
    display: ProgressDisplay

    def run(self, path: str, source: str | None, *, worst: int, examples: int) -> report.EvaluationReport:
        """Score the decisions on a file by its labels."""
        has_baseline = baseline.is_installed()
        if not has_baseline:
            self.display.print(
                "datasketch is not installed and is not compared with; install it by: pip install 'reprise[evaluate]'"
            )
        file, truth = self._read(path, source, has_baseline)
        gold = gold_labels(file.articles)
        own, *random = self._decide_orders(file.articles)
        runs = random or [own]
        systems = {report.WORKER: [score(gold, run.stories()) for run in (own, *random)]}
        for threshold in baseline.THRESHOLDS if has_baseline else ():
            systems[f"datasketch {threshold}"] = [
                score(gold, stories) for stories in self._cluster_orders(file, threshold)
            ]
        file_order = {name: scores[0] for name, scores in systems.items()}
        systems = {name: scores[-len(runs) :] for name, scores in systems.items()}
        worst_order = min(range(len(runs)), key=lambda order: systems[report.WORKER][order].b3_f1)
        return report.EvaluationReport(
            articles=len(file.articles),
            scored=len(gold),
            gold_stories=len(set(gold.values())),
            rejected=file.rejected,
            seeds=[run.seed for run in runs],
            systems=systems,
            file_order=file_order,
            recall=[score_recall(truth, run) for run in (own, *random)],
            merges=[score_merges(run, gold) for run in (own, *random)],
            worst_order=worst_order,
            worst=find_worst_stories(
                runs[worst_order], gold, dedup_rule(self.settings), stories=worst, examples=examples
            ),
        )

    def run_unlabelled(
        self, path: str, source: str | None, *, stories: int, examples: int
    ) -> shared_text_report.SharedTextReport:
        """Score the decisions on a file by the text that its articles share."""
        file, truth = self._read(path, source, has_baseline=False)
        if not file.articles:
            raise UsageError(f"{path}: no line is a valid article: there is nothing to score")
        own, *random = self._decide_orders(file.articles)
        merges = list_merges(own)
        return shared_text_report.SharedTextReport(
            articles=len(file.articles),
            rejected=file.rejected,
            max_texts=truth.pairs.max_texts,
            ignored_runs=truth.pairs.ignored_runs,
            file_order=score_run(truth, own, stories=stories, examples=examples),
            merged=score_run(truth, apply_merges(own)) if merges else None,
            merges=merges,
            shown_merges=stories,
            random=[score_run(truth, run) for run in random],
        )

    def _read(self, path: str, source: str | None, has_baseline: bool) -> tuple[_ArticleFile, SharedTextTruth]:
        """Read the articles of a file, and find the pairs that share text."""
        file = _ArticleFile()
        texts = SharedText(self._read_texts(path, source, file, has_baseline))
        with self.display.bar("comparing texts", len(file.articles)) as advance:
            truth = find_truth(file.articles, texts)
            advance(len(file.articles))
        return file, truth

    def _read_texts(self, path: str, source: str | None, file: _ArticleFile, has_baseline: bool) -> Iterator[str]:
        """Yield the text of each valid article, and add the article to `file`."""
        processor = article_processor(self.settings, default_source=source)
        messages = read_messages(self.settings, path)
        with self.display.bar("reading", None) as advance:
            for item in read_lines(messages, processor.decode, processor.fingerprint):
                advance(1)
                if isinstance(item, RejectedLine):
                    file.rejected += 1
                    if file.rejected <= _MAX_PRINTED_LINES:
                        self.display.print(f"{path}:{item.line}: {one_line(item.problem, _MAX_PROBLEM_CHARACTERS)}")
                    continue
                labelled, article = item
                file.articles.append(labelled)
                if has_baseline:
                    file.signatures[labelled.line] = baseline.signature(article.text)
                yield article.text

    def _seeds(self) -> list[int | None]:
        """Return the seed of each order: None for the order of the file, then those of the random orders."""
        return list(dict.fromkeys([None, *order_seeds(self.orders)]))

    def _decide_orders(self, articles: Sequence[LabelledArticle]) -> Iterator[OrderedRun]:
        """Yield the worker's decisions in each order, that of the file first; deletes their namespaces afterwards."""
        client = connect(self.settings.redis)
        with closing(open_index(self.settings, client)) as index:
            for number, seed in enumerate(self._seeds()):
                with (
                    self.display.bar(_order_name(seed, number, self.orders), len(articles)) as advance,
                    _delete_keys_afterwards(client, self.settings.index.namespace),
                ):
                    yield decide_in_order(
                        shuffle(articles, seed),
                        seed,
                        index,
                        f"{self.settings.index.namespace}-{number}",
                        batch=self.settings.limits.batch_max_articles,
                        clock=time.time,
                        advance=advance,
                    )

    def _cluster_orders(self, file: _ArticleFile, threshold: float) -> Iterator[dict[str, str]]:
        """Yield the stories of datasketch's LSH in each order, by article id."""
        seeds = self._seeds()
        total = len(file.articles) * len(seeds)
        with self.display.bar(f"datasketch {threshold}", total) as advance:
            for seed in seeds:
                articles = [
                    (article.article_id, file.signatures[article.line]) for article in shuffle(file.articles, seed)
                ]
                yield baseline.cluster(articles, threshold, advance)


def _order_name(seed: int | None, number: int, random_orders: int) -> str:
    order = "order of the file" if seed is None else f"order {number} of {random_orders}"
    return f"{report.WORKER}, {order}"


@contextmanager
def _delete_keys_afterwards(client: Client, prefix: str) -> Iterator[None]:
    """Delete every key of the namespaces with a prefix when the context ends, also by an error."""
    try:
        yield
    finally:
        try:
            keys: list[bytes] = []
            for key in client.scan_iter(match=f"{{{prefix}*", count=_UNLINK_BATCH):
                keys.append(key)
                if len(keys) == _UNLINK_BATCH:
                    client.unlink(*keys)
                    keys.clear()
            if keys:
                client.unlink(*keys)
        except RedisError as error:
            raise translate_redis_error(error) from error
