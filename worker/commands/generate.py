"""`reprise generate`: a synthetic crawl with known stories, to a file or a topic, at a rate."""

import gzip
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, cast

import click

from worker.errors import UsageError
from worker.generate import Crawl, Labelled, crawl
from worker.generate.stream import gold_line, line, record
from worker.ports import Sink

#: articles handed over at once, as fast as possible and at a rate: a batch a twentieth of a second at most
_BATCH: Final = 500
_BATCHES_A_SECOND: Final = 20

#: shows what a crawl is without options
_DEFAULTS: Final = Crawl(count=1000)

Write = Callable[[list[Labelled]], None]


@click.command()
@click.option(
    "--count", type=click.IntRange(0), default=_DEFAULTS.count, show_default=True, help="Articles to generate."
)
@click.option("--rate", type=click.FloatRange(0), default=0, show_default=True, help="Articles a second; 0: no limit.")
@click.option("--words", type=int, default=_DEFAULTS.words, show_default=True, help="Mean words of a new story.")
@click.option("--spread", type=float, default=_DEFAULTS.spread, show_default=True, help="Largest deviation from it.")
@click.option("--duplicates", type=float, default=_DEFAULTS.duplicates, show_default=True, help="Share of reprints.")
@click.option("--html", type=float, default=_DEFAULTS.html, show_default=True, help="Share of articles given as HTML.")
@click.option("--seed", type=int, default=_DEFAULTS.seed, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--languages", default=",".join(_DEFAULTS.languages), show_default=True, help="Languages, with commas between."
)
@click.option("--sites", type=int, default=_DEFAULTS.sites, show_default=True, help="Sites that print the stories.")
@click.option("--output", type=Path, help="JSON-lines file, compressed if it ends in .gz; - is standard output.")
@click.option("--topic", help="Kafka topic, reached as the REPRISE_KAFKA_ settings say.")
@click.option("--gold", type=Path, help="JSON-lines file for the labels, which then leave the articles.")
def command(
    count: int,
    rate: float,
    languages: str,
    output: Path | None,
    topic: str | None,
    gold: Path | None,
    **shape: Any,
) -> None:
    """Generate a crawl whose stories are known.

    Each line holds an article and its labels: `story`, and `kind`, which says how it was made from the story's
    founder. A revision repeats the id of its founder.
    """
    if not math.isfinite(rate):
        raise UsageError("--rate: a number of articles a second; 0 for no limit")
    if output is not None and topic is not None:
        raise UsageError("--output and --topic exclude each other")
    interval_ms = max(1, round(1000 / rate)) if rate else _DEFAULTS.interval_ms
    options = Crawl(count=count, languages=_split(languages), interval_ms=interval_ms, **shape)
    with ExitStack() as open_until_done:
        write = _to_topic(topic, gold, open_until_done) if topic else _to_file(output, gold, open_until_done)
        write_gold = _to_gold(gold, open_until_done)
        for batch in paced(crawl(options), rate):
            write(batch)
            write_gold(batch)
    click.echo(f"generated {count} articles, seed {options.seed}", err=True)


def paced(
    articles: Iterable[Labelled],
    rate: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[Labelled]]:
    """Cut the articles into batches, each given out once it is due at `rate` articles a second (0: at once).

    A consumer that is late is not made later: the batches that are due by then follow each other at once.
    """
    size = min(_BATCH, max(1, int(rate / _BATCHES_A_SECOND))) if rate else _BATCH
    start, given, left = clock(), 0, iter(articles)
    while batch := list(islice(left, size)):
        if rate:
            sleep(max(0.0, start + given / rate - clock()))
        yield batch
        given += len(batch)


def _split(languages: str) -> tuple[str, ...]:
    return tuple(code.strip() for code in languages.split(",") if code.strip())


def _opened(path: Path | None, stack: ExitStack) -> IO[bytes]:
    if path is None or str(path) == "-":
        return sys.stdout.buffer
    file: IO[bytes] = stack.enter_context(path.open("wb"))
    if path.suffix != ".gz":
        return file
    # Neither name nor time: the same crawl is the same bytes also when it is compressed.
    packed = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0)
    stack.callback(packed.close)
    return cast("IO[bytes]", packed)


def _to_file(output: Path | None, gold: Path | None, stack: ExitStack) -> Write:
    file, with_gold = _opened(output, stack), gold is None

    def write(batch: list[Labelled]) -> None:
        file.write(b"".join(line(labelled, with_gold=with_gold) for labelled in batch))

    return write


def _to_gold(gold: Path | None, stack: ExitStack) -> Write:
    if gold is None:
        return lambda _: None
    file = _opened(gold, stack)

    def write(batch: list[Labelled]) -> None:
        file.write(b"".join(gold_line(labelled) for labelled in batch))

    return write


def _to_topic(topic: str, gold: Path | None, stack: ExitStack) -> Write:
    sink = stack.enter_context(closing(_sink()))
    with_gold = gold is None

    def write(batch: list[Labelled]) -> None:
        deliver(batch, sink, topic, with_gold=with_gold)

    return write


def deliver(batch: Iterable[Labelled], sink: Sink, topic: str, *, with_gold: bool) -> None:
    """Send a batch and wait until it is acknowledged. Raises UsageError where an article is too large, Unreachable."""
    too_large = sink.send([record(labelled, topic, with_gold=with_gold) for labelled in batch])
    if too_large:
        raise UsageError("an article is larger than the topic's brokers take; ask for fewer --words")
    sink.flush()


def _sink() -> Sink:
    """Build the sink as the environment says; imported here, so that a file needs neither settings nor a client."""
    from worker.bootstrap import open_sink  # noqa: PLC0415
    from worker.settings import load  # noqa: PLC0415

    return open_sink(load())
