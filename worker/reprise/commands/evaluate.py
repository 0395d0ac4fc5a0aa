"""`reprise evaluate`: how well the decisions fit a file whose stories are known."""

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

from reprise.commands.support.file_input import end_as_interrupted, environment_with, messages, store
from reprise.commands.support.phases import Phases
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.evaluation import baseline
from reprise.evaluation.error_analysis import find_worst_stories
from reprise.evaluation.labels import LabelledArticle, RejectedLine, gold_labels, read_lines
from reprise.evaluation.report import WORKER, EvaluationReport, to_json, to_terminal
from reprise.evaluation.runs import OrderedRun, decide_in_order, order_seeds, shuffle
from reprise.evaluation.scores import score
from reprise.index.redis.errors import translate_redis_error
from reprise.sanitize import one_line
from reprise.settings import Settings, load

if TYPE_CHECKING:
    from datasketch import MinHash

    from reprise.index.redis.client import Client

#: Lines that are no articles are told of one by one up to here, then only counted.
_MAX_NOTES: Final = 10

#: Characters of such a line's problem.
_NOTE: Final = 160

#: Keys that one call removes.
_FORGET: Final = 1000


@click.command(cls=ConfiguredCommand)
@click.argument("gold", metavar="GOLD.jsonl[.gz]")
@click.option("--source", help="The source of articles that name none.")
@click.option(
    "--orders",
    type=click.IntRange(1, 1000),
    default=5,
    show_default=True,
    help="Random orders of arrival to average over; 1 is the file's own order.",
)
@click.option("--worst", type=click.IntRange(0), default=5, show_default=True, help="Costly stories to show.")
@click.option("--examples", type=click.IntRange(0), default=3, show_default=True, help="Mistakes to show of each.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--redis-url", help="The Redis to decide in; without it, an embedded store.")
def command(
    gold: str, source: str | None, orders: int, worst: int, examples: int, as_json: bool, redis_url: str | None
) -> None:
    """Decide a labelled file in several orders and score the stories found, beside datasketch's LSH.

    Each line is an article with its `story`; one with none is decided and not scored. Of an id on several lines the
    last decision counts. Each order has an index of its own, which goes with its end.
    """
    end_as_interrupted()
    with store(redis_url) as url:
        # a namespace of this run's own: a worker's index in the same Redis is none of its business
        settings = load(environment_with(url) | {"REPRISE_NAMESPACE": f"evaluate-{uuid4().hex}"})
        evaluation = _Evaluation(settings=settings, orders=orders, show=Phases(sys.stderr))
        report = evaluation.report(gold, source, worst=worst, examples=examples)
    if as_json:
        click.echo(orjson.dumps(to_json(report), option=orjson.OPT_INDENT_2))
    else:
        Console(highlight=False, soft_wrap=True).print(to_terminal(report))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evaluation:
    """The steps of one evaluation; `show` is told how far they are."""

    settings: Settings
    orders: int
    show: Phases

    def report(self, name: str, source: str | None, *, worst: int, examples: int) -> EvaluationReport:
        """Read the file, decide its articles in every order, and score."""
        from reprise.bootstrap import dedup_rule  # noqa: PLC0415

        with_baseline = baseline.is_installed()
        if not with_baseline:
            self.show.say("datasketch is not installed, and its columns are left out: pip install 'reprise[evaluate]'")
        read = self._read(name, source, with_baseline)
        gold = gold_labels(read.articles)
        runs = list(self._own(read.articles))
        systems = {WORKER: [score(gold, run.stories()) for run in runs]}
        for threshold in baseline.THRESHOLDS if with_baseline else ():
            theirs = self._datasketch(read, threshold)
            systems[f"datasketch {threshold}"] = [score(gold, stories) for stories in theirs]
        worst_order = min(range(len(runs)), key=lambda each: systems[WORKER][each].b3_f1)
        rule = dedup_rule(self.settings)
        return EvaluationReport(
            articles=len(read.articles),
            scored=len(gold),
            gold_stories=len(set(gold.values())),
            rejected=read.unread,
            seeds=[run.seed for run in runs],
            systems=systems,
            worst_order=worst_order,
            worst=find_worst_stories(runs[worst_order], gold, rule, stories=worst, examples=examples),
        )

    def _read(self, name: str, source: str | None, with_baseline: bool) -> "_Lines":
        from reprise.bootstrap import article_processor  # noqa: PLC0415

        processor, lines = article_processor(self.settings, default_source=source), _Lines()
        with self.show.phase("reading", None) as advance:
            for each in read_lines(messages(self.settings, name), processor.decode, processor.fingerprint):
                advance(1)
                if isinstance(each, RejectedLine):
                    lines.unread += 1
                    if lines.unread <= _MAX_NOTES:
                        self.show.say(f"{name}:{each.line}: {one_line(each.problem, _NOTE)}")
                    continue
                labelled, article = each
                lines.articles.append(labelled)
                if with_baseline:
                    lines.signatures[labelled.line] = baseline.signature(article.text)
        return lines

    def _own(self, articles: Sequence[LabelledArticle]) -> Iterator[OrderedRun]:
        """Decide every order in namespaces of its own, which are removed afterwards."""
        from reprise.bootstrap import open_index  # noqa: PLC0415
        from reprise.index.redis.client import connect  # noqa: PLC0415

        client = connect(self.settings.redis)
        with closing(open_index(self.settings, client)) as index:
            for number, seed in enumerate(order_seeds(self.orders), start=1):
                with (
                    self.show.phase(f"{WORKER}, order {number} of {self.orders}", len(articles)) as advance,
                    _forgotten(client, self.settings.index.namespace),
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

    def _datasketch(self, lines: "_Lines", threshold: float) -> Iterator[dict[str, str]]:
        """The stories of datasketch's LSH in every order."""
        total = len(lines.articles) * self.orders
        with self.show.phase(f"datasketch {threshold}", total) as advance:
            for seed in order_seeds(self.orders):
                order = shuffle(lines.articles, seed)
                signed = [(each.article_id, lines.signatures[each.line]) for each in order]
                yield baseline.cluster(signed, threshold, advance)


@dataclass(slots=True)
class _Lines:
    """What was read: articles, datasketch's signatures by line, and how many lines are no articles."""

    articles: list[LabelledArticle] = field(default_factory=list)
    signatures: "dict[int, MinHash | None]" = field(default_factory=dict)
    unread: int = 0


@contextmanager
def _forgotten(client: "Client", namespace: str) -> Iterator[None]:
    """Remove every key of the namespaces that begin so, also where the context fails."""
    try:
        yield
    finally:
        try:
            keys: list[bytes] = []
            for key in client.scan_iter(match=f"{{{namespace}*", count=_FORGET):
                keys.append(key)
                if len(keys) == _FORGET:
                    client.unlink(*keys)
                    keys.clear()
            if keys:
                client.unlink(*keys)
        except RedisError as error:
            raise translate_redis_error(error) from error
