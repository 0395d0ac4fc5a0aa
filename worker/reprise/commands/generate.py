"""`reprise generate`: a synthetic crawl with known stories, to a file or a topic, at a rate, for a time."""

import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click

from reprise.commands.support.crawl_outputs import is_standard_output, to_file, to_gold, to_topic
from reprise.commands.support.rate_limit import RateLimit, limit_rate
from reprise.commands.support.signals import on_signals
from reprise.commands.support.telling import Telling
from reprise.errors import UsageError
from reprise.processing.shutdown import StopRequest
from reprise.synthetic import CrawlOptions, GeneratedArticle, MalformedMessage, generate_crawl, insert_malformed
from reprise.synthetic.burst import SECOND_US, STEADY, Burst
from reprise.synthetic.options import MAX_REACH, MAX_SKEW
from reprise.synthetic.reprints import REPRINTS

#: Articles where nothing says how many.
_COUNT: Final = 1000

#: Broken messages, at most: from 30 % on a worker stops instead of binning them, and with all there were no articles.
_MOST_BROKEN: Final = 0.9

#: Messages a second, at least and at most: one a day, and more than one process can make.
_SLOWEST, _FASTEST = 1 / 86_400, 1_000_000

#: Seconds behind the rate that are worth telling.
_LATE_SECONDS: Final = 1.0

#: Seconds that a division by nearly none of them stops at.
_SHORTEST_SECONDS: Final = 1e-3

#: name, or name=number; more digits than any weight may have
_NAMED: Final = re.compile(r"(\w+)(?:=(\d{1,9}))?")

#: shows what a crawl is without options
_DEFAULTS: Final = CrawlOptions(count=None)

_SHARE: Final = click.FloatRange(0, 1)


@click.command()
@click.option("--count", type=click.IntRange(0), help=f"Messages.  [default: {_COUNT}, or as --duration says]")
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    help="Seconds: with a rate the messages that are due by then, else as many as are made.",
)
@click.option("--endless", is_flag=True, help="Until SIGINT or SIGTERM, which are then the regular end.")
@click.option("--rate", type=float, default=0, show_default=True, help="Messages a second; 0: no limit.")
@click.option(
    "--burst", metavar="times=K,seconds=S,every=P", help="K times the rate for the last S of every P seconds."
)
@click.option("--words", type=int, default=_DEFAULTS.words, show_default=True, help="Mean words of a new story.")
@click.option("--spread", type=_SHARE, default=_DEFAULTS.spread, show_default=True, help="Largest deviation from it.")
@click.option("--duplicates", type=_SHARE, default=_DEFAULTS.duplicates, show_default=True, help="Share of reprints.")
@click.option(
    "--kinds",
    default=",".join(f"{kind}={weight}" for kind, weight in REPRINTS.items()),
    show_default=True,
    help="Kinds of reprints and their weights; one without a weight has 1.",
)
@click.option(
    "--skew",
    type=click.FloatRange(0, MAX_SKEW),
    default=_DEFAULTS.skew,
    show_default=True,
    help="How unequally stories are reprinted, in tenths: Zipf's exponent; 0: all alike.",
)
@click.option(
    "--largest",
    type=_SHARE,
    default=_DEFAULTS.largest,
    show_default=True,
    help="Share of the reprints that are of the first story.",
)
@click.option(
    "--reach",
    type=click.IntRange(1, MAX_REACH),
    default=_DEFAULTS.reach,
    show_default=True,
    help="Stories that are still reprinted, about; held in memory, some 7 KB each.",
)
@click.option("--html", type=_SHARE, default=_DEFAULTS.html, show_default=True, help="Share of articles given as HTML.")
@click.option(
    "--broken",
    type=click.FloatRange(0, _MOST_BROKEN),
    default=0,
    show_default=True,
    help="Share of messages that nobody can read; they are told from articles by --gold alone.",
)
@click.option("--seed", type=int, default=_DEFAULTS.seed, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--languages",
    default=",".join(_DEFAULTS.languages),
    show_default=True,
    help="Languages, spoken by the sites in turn; with weights (en=5,de=2) each has its part of the new stories.",
)
@click.option("--sites", type=int, default=_DEFAULTS.sites, show_default=True, help="Sites that print the stories.")
@click.option("--output", type=Path, help="JSON-lines file, compressed if it ends in .gz; - is standard output.")
@click.option("--topic", help="Kafka topic, reached as the REPRISE_KAFKA_ settings say.")
@click.option("--gold", type=Path, help="JSON-lines file for the labels, which then leave the articles.")
def command(
    count: int | None,
    duration: float | None,
    endless: bool,
    rate: float,
    burst: str | None,
    output: Path | None,
    topic: str | None,
    gold: Path | None,
    **shape: Any,
) -> None:
    """Generate a crawl whose stories are known.

    Each line holds an article and its labels: `story`, and `kind`, which says how it was made from the story's
    founder. A revision repeats the id of its founder. Several generators need a --seed each: no two seeds share an id.
    docs/operating/load-testing.md has recipes.
    """
    _refuse_contradictions(count=count, duration=duration, endless=endless, output=output, topic=topic, gold=gold)
    pace = RateLimit(rate=_rate(rate), burst=_burst(burst, rate), duration_seconds=duration)
    if count is None and duration is None and not endless:
        count = _COUNT
    messages = islice(_messages(pace, **shape), count)
    # a line that moves would run through the articles on the same terminal
    moving = topic is not None or not is_standard_output(output) or not sys.stdout.isatty()
    stop, account, cut_short = StopRequest(), CrawlCounter(pace), False
    with on_signals(stop.request), ExitStack() as stack:
        telling = stack.enter_context(Telling(sys.stderr, moving=moving))
        if topic is None:
            writes = [to_file(output, with_labels=gold is None, stack=stack)]
        else:
            writes = [to_topic(topic, with_labels=gold is None, stop=stop, say=telling.say, stack=stack)]
        if gold is not None:
            writes.append(to_gold(gold, stack=stack))
        for batch in limit_rate(messages, pace, wait=stop.wait):
            if stop.requested:
                cut_short = not endless
                break
            account.add(batch)
            for write in writes:
                write(batch)
            telling.so_far(account.line)
    telling.say(f"generated {account.line()}, seed {shape['seed']}")
    if cut_short:
        raise click.Abort


class CrawlCounter:
    """What was generated, and how fast; the time begins with the first batch."""

    def __init__(self, pace: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._started_at: float | None = None
        self._messages = 0
        self._broken = 0

    def add(self, batch: Sequence[GeneratedArticle | MalformedMessage]) -> None:
        """Count a batch that is due."""
        self._started_at = self._clock() if self._started_at is None else self._started_at
        self._messages += len(batch)
        self._broken += sum(isinstance(message, MalformedMessage) for message in batch)

    def line(self) -> str:
        """Say how many messages there were, how many a second, and how late they are where a rate is asked for."""
        seconds = 0.0 if self._started_at is None else self._clock() - self._started_at
        line = f"{self._messages:,} messages"
        line += f" ({self._broken:,} broken)" if self._broken else ""
        line += f" in {seconds:.1f} s ({self._messages / max(seconds, _SHORTEST_SECONDS):,.0f} a second)"
        late = seconds - self._pace.due_seconds(self._messages) if self._pace.rate else 0.0
        return f"{line}, {late:.1f} s behind the rate" if late >= _LATE_SECONDS else line


def _messages(
    pace: RateLimit, *, kinds: str, languages: str, broken: float, **shape: Any
) -> Iterator[GeneratedArticle | MalformedMessage]:
    spoken = named_numbers("languages", languages)
    options = CrawlOptions(
        count=None,
        kinds=named_numbers("kinds", kinds),
        languages=spoken if "=" in languages else tuple(spoken),
        interval_us=round(SECOND_US / pace.rate) if pace.rate else _DEFAULTS.interval_us,
        burst=pace.burst,
        **shape,
    )
    return insert_malformed(generate_crawl(options), broken, options.seed)


def _refuse_contradictions(
    *,
    count: int | None,
    duration: float | None,
    endless: bool,
    output: Path | None,
    topic: str | None,
    gold: Path | None,
) -> None:
    if output is not None and topic is not None:
        raise UsageError("--output and --topic exclude each other")
    if gold is not None and topic is None and _is_same(gold, output):
        raise UsageError("--gold and --output: the labels need a file of their own")
    if endless and (count is not None or duration is not None):
        raise UsageError("--endless excludes --count and --duration")
    if duration is not None and not math.isfinite(duration):
        raise UsageError("--duration: a number of seconds; --endless has no end")


def _is_same(gold: Path, output: Path | None) -> bool:
    if is_standard_output(gold) or is_standard_output(output):
        return is_standard_output(gold) and is_standard_output(output)
    return output is not None and gold.resolve() == output.resolve()


def _rate(rate: float) -> float:
    if rate and not _SLOWEST <= rate <= _FASTEST:
        raise UsageError(f"--rate: messages a second, from one a day to {_FASTEST:,}; 0 for no limit")
    return rate


def _burst(text: str | None, rate: float) -> Burst:
    if text is None:
        return STEADY
    given = named_numbers("burst", text)
    if given.keys() != {"times", "seconds", "every"}:
        raise UsageError("--burst: times=K,seconds=S,every=P, all three")
    if not rate:
        raise UsageError("--burst: needs a --rate to multiply")
    return Burst(**given)


def named_numbers(option: str, text: str) -> dict[str, int]:
    """Read `name=number,name,...`, a name alone having 1. Raises UsageError."""
    found: dict[str, int] = {}
    for each in filter(None, (part.strip() for part in text.split(","))):
        parsed = _NAMED.fullmatch(each)
        if parsed is None or parsed[1] in found:
            raise UsageError(f"--{option}: {each}: allowed: names, each once, with whole numbers: name=3,other=1")
        found[parsed[1]] = int(parsed[2] or 1)
    return found
