"""`reprise evaluate`: score the decisions on a labelled file."""

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
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.commands.support.signals import interrupt_on_termination
from reprise.evaluation import baseline
from reprise.evaluation.error_analysis import find_worst_stories
from reprise.evaluation.labels import LabelledArticle, RejectedLine, gold_labels, read_lines
from reprise.evaluation.report import WORKER, EvaluationReport, to_json, to_terminal
from reprise.evaluation.runs import OrderedRun, decide_in_order, order_seeds, shuffle
from reprise.evaluation.scores import score
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

#: Keys that one UNLINK deletes.
_UNLINK_BATCH: Final = 1000


@click.command(cls=ConfiguredCommand)
@click.argument("gold", metavar="GOLD.jsonl[.gz]")
@click.option("--source", metavar="NAME", help="Source of articles that name none.")
@click.option(
    "--orders",
    metavar="N",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Number of random orders of arrival to average over; 1 is the order of the file.",
)
@click.option(
    "--worst",
    metavar="N",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="Number of stories with most errors to show.",
)
@click.option(
    "--examples",
    metavar="N",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Number of errors to show for each story.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--redis-url", metavar="URL", help="Redis server to use. Without it, an embedded server starts.")
def command(
    gold: str, source: str | None, orders: int, worst: int, examples: int, as_json: bool, redis_url: str | None
) -> None:
    """Decide the articles of a labelled file in several orders, and score the stories that result.

    Each line is an article with its story in the field 'story'. An article without one is decided but not scored. If
    several lines have the same id, the last decision counts. datasketch's LSH is scored on the same articles for
    comparison, if it is installed. Each order has an index of its own, which is deleted afterwards.
    """
    interrupt_on_termination()
    with provide_redis(redis_url) as url:
        # A namespace of its own keeps the run apart from the index of a worker in the same Redis.
        settings = load(override_redis_url(url) | {"REPRISE_NAMESPACE": f"evaluate-{uuid4().hex}"})
        evaluation = _Evaluation(settings=settings, orders=orders, display=ProgressDisplay(sys.stderr))
        report = evaluation.run(gold, source, worst=worst, examples=examples)
    if as_json:
        click.echo(orjson.dumps(to_json(report), option=orjson.OPT_INDENT_2))
    else:
        Console(highlight=False, soft_wrap=True).print(to_terminal(report))


@dataclass(slots=True)
class _LabelledFile:
    """The valid articles of a file, datasketch's signatures by line number, and the number of rejected lines."""

    articles: list[LabelledArticle] = field(default_factory=list)
    signatures: "dict[int, MinHash | None]" = field(default_factory=dict)
    rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evaluation:
    """One evaluation: reads a file, decides its articles in every order, and scores the result."""

    settings: Settings
    orders: int
    display: ProgressDisplay

    def run(self, path: str, source: str | None, *, worst: int, examples: int) -> EvaluationReport:
        """Run the evaluation of a file."""
        has_baseline = baseline.is_installed()
        if not has_baseline:
            self.display.print(
                "datasketch is not installed and is not compared with; install it by: pip install 'reprise[evaluate]'"
            )
        file = self._read(path, source, has_baseline)
        gold = gold_labels(file.articles)
        runs = list(self._decide_orders(file.articles))
        systems = {WORKER: [score(gold, run.stories()) for run in runs]}
        for threshold in baseline.THRESHOLDS if has_baseline else ():
            systems[f"datasketch {threshold}"] = [
                score(gold, stories) for stories in self._cluster_orders(file, threshold)
            ]
        worst_order = min(range(len(runs)), key=lambda order: systems[WORKER][order].b3_f1)
        return EvaluationReport(
            articles=len(file.articles),
            scored=len(gold),
            gold_stories=len(set(gold.values())),
            rejected=file.rejected,
            seeds=[run.seed for run in runs],
            systems=systems,
            worst_order=worst_order,
            worst=find_worst_stories(
                runs[worst_order], gold, dedup_rule(self.settings), stories=worst, examples=examples
            ),
        )

    def _read(self, path: str, source: str | None, has_baseline: bool) -> _LabelledFile:
        processor, file = article_processor(self.settings, default_source=source), _LabelledFile()
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
        return file

    def _decide_orders(self, articles: Sequence[LabelledArticle]) -> Iterator[OrderedRun]:
        """Yield the worker's decisions in each order, made in namespaces that are deleted afterwards."""
        client = connect(self.settings.redis)
        with closing(open_index(self.settings, client)) as index:
            for number, seed in enumerate(order_seeds(self.orders), start=1):
                with (
                    self.display.bar(f"{WORKER}, order {number} of {self.orders}", len(articles)) as advance,
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

    def _cluster_orders(self, file: _LabelledFile, threshold: float) -> Iterator[dict[str, str]]:
        """Yield the stories of datasketch's LSH in each order, by article id."""
        total = len(file.articles) * self.orders
        with self.display.bar(f"datasketch {threshold}", total) as advance:
            for seed in order_seeds(self.orders):
                articles = [
                    (article.article_id, file.signatures[article.line]) for article in shuffle(file.articles, seed)
                ]
                yield baseline.cluster(articles, threshold, advance)


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
