"""`reprise generate`: write a synthetic crawl with known stories to a file or a topic."""

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

from reprise.commands.support.crawl_outputs import is_standard_output, open_file, open_label_file, open_topic
from reprise.commands.support.progress import ProgressDisplay
from reprise.commands.support.rate_limit import RateLimit, check_rate, limit_rate
from reprise.commands.support.signals import on_signals
from reprise.errors import UsageError
from reprise.processing.shutdown import StopRequest
from reprise.synthetic import CrawlOptions, GeneratedArticle, MalformedMessage, generate_crawl, insert_malformed
from reprise.synthetic.burst import SECOND_US, STEADY, Burst
from reprise.synthetic.options import MAX_REACH, MAX_SKEW
from reprise.synthetic.reprints import REPRINTS

#: Messages without --count, --duration and --endless.
_DEFAULT_COUNT: Final = 1000

#: Largest ratio of malformed messages. From 0.3 on a worker's circuit breaker opens by default.
_MAX_BROKEN: Final = 0.9

#: Seconds behind the rate from which the status line reports the delay.
_REPORTED_DELAY_SECONDS: Final = 1.0

#: Least duration in seconds that a rate is computed from, against a division by zero.
_MIN_DURATION_SECONDS: Final = 1e-3

#: `name` or `name=number`, with more digits than any weight may have.
_NAME_AND_NUMBER: Final = re.compile(r"(\w+)(?:=(\d{1,9}))?")

_DEFAULTS: Final = CrawlOptions(count=None)


def _ratio_option(name: str, default: float, help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that adds an option for a number in 0..1."""
    ratio = click.FloatRange(0, 1)
    return click.option(name, metavar="RATIO", type=ratio, default=default, show_default=True, help=help_text)


@click.command()
@click.option(
    "--count",
    metavar="N",
    type=click.IntRange(0),
    help=f"Number of messages.  [default: {_DEFAULT_COUNT}, or no limit with --duration or --endless]",
)
@click.option(
    "--duration",
    metavar="SECONDS",
    type=click.FloatRange(0, min_open=True),
    help="With --rate, generate the messages that are due in this time; otherwise as many as possible.",
)
@click.option("--endless", is_flag=True, help="Run until SIGINT or SIGTERM, then exit with 0.")
@click.option(
    "--rate", metavar="N", type=float, default=0, show_default=True, help="Messages per second; 0 means no limit."
)
@click.option(
    "--burst",
    metavar="times=K,seconds=S,every=P",
    help="Multiply the rate by K in the last S of every P seconds.",
)
@click.option(
    "--words",
    metavar="N",
    type=int,
    default=_DEFAULTS.words,
    show_default=True,
    help="Mean length of a new story, in words.",
)
@_ratio_option("--spread", _DEFAULTS.spread, "Maximum deviation from the mean length, as a ratio.")
@_ratio_option("--duplicates", _DEFAULTS.duplicates, "Ratio of articles that reprint an earlier one.")
@click.option(
    "--kinds",
    metavar="KIND=WEIGHT,...",
    default=",".join(f"{kind}={weight}" for kind, weight in REPRINTS.items()),
    show_default=True,
    help="Kinds of reprints and their weights; the default weight is 1.",
)
@click.option(
    "--skew",
    metavar="EXPONENT",
    type=click.FloatRange(0, MAX_SKEW),
    default=_DEFAULTS.skew,
    show_default=True,
    help="Exponent of Zipf's law for the reprints of a story, rounded to tenths; with 0 all stories are equal.",
)
@_ratio_option("--largest", _DEFAULTS.largest, "Ratio of reprints that reprint the first story.")
@click.option(
    "--reach",
    metavar="N",
    type=click.IntRange(1, MAX_REACH),
    default=_DEFAULTS.reach,
    show_default=True,
    help="Approximate number of recent stories that can be reprinted; each takes about 7 KB of memory.",
)
@_ratio_option("--html", _DEFAULTS.html, "Ratio of articles with HTML instead of text.")
@click.option(
    "--broken",
    metavar="RATIO",
    type=click.FloatRange(0, _MAX_BROKEN),
    default=0,
    show_default=True,
    help="Ratio of malformed messages. They have no label in the output; --gold lists them.",
)
@click.option(
    "--seed",
    metavar="N",
    type=int,
    default=_DEFAULTS.seed,
    show_default=True,
    help="Seed of the random numbers. The same seed and options generate the same bytes.",
)
@click.option(
    "--languages",
    metavar="NAMES",
    default=",".join(_DEFAULTS.languages),
    show_default=True,
    help="Languages, assigned to the sites in turn. With weights, as in en=5,de=2: shares of the new stories.",
)
@click.option(
    "--sites",
    metavar="N",
    type=int,
    default=_DEFAULTS.sites,
    show_default=True,
    help="Number of sites that publish articles.",
)
@click.option(
    "--output",
    metavar="FILE",
    type=Path,
    help="JSON-lines file, gzip-compressed if the name ends in .gz; - is standard output.  [default: -]",
)
@click.option("--topic", metavar="NAME", help="Kafka topic to write to instead. The REPRISE_KAFKA_ settings apply.")
@click.option(
    "--gold", metavar="FILE", type=Path, help="Write the labels to this JSON-lines file instead of into the articles."
)
def command(
    count: int | None,
    duration: float | None,
    endless: bool,
    rate: float,
    burst: str | None,
    output: Path | None,
    topic: str | None,
    gold: Path | None,
    **crawl_options: Any,
) -> None:
    """Generate a synthetic crawl with known stories.

    Each line is an article with two labels: 'story', and 'kind', the way it was made from the first article of its
    story. A revision has the id of that first article. Generators with different seeds generate different ids.

    docs/operating/load-testing.md has recipes.
    """
    _check_options(count=count, duration=duration, endless=endless, output=output, topic=topic, gold=gold)
    rate_limit = RateLimit(rate=check_rate(rate), burst=_parse_burst(burst, rate), duration_seconds=duration)
    if count is None and duration is None and not endless:
        count = _DEFAULT_COUNT
    messages = islice(_generate_messages(rate_limit, **crawl_options), count)
    # An animation would overwrite articles that are written to the same terminal.
    animated = topic is not None or not is_standard_output(output) or not sys.stdout.isatty()
    display = ProgressDisplay(sys.stderr, animated=animated)
    stop, counter, interrupted = StopRequest(), CrawlCounter(rate_limit), False
    with on_signals(stop.request), ExitStack() as stack:
        if topic is None:
            writers = [open_file(output, with_labels=gold is None, stack=stack)]
        else:
            writers = [open_topic(topic, with_labels=gold is None, stop=stop, report=display.print, stack=stack)]
        if gold is not None:
            writers.append(open_label_file(gold, stack=stack))
        stack.enter_context(display.spinner(counter.status))
        for batch in limit_rate(messages, rate_limit, wait=stop.wait):
            if stop.requested:
                interrupted = not endless
                break
            counter.add(batch)
            for write in writers:
                write(batch)
            display.refresh()
    display.print(f"generated {counter.status()}, seed {crawl_options['seed']}")
    if interrupted:
        raise click.Abort


class CrawlCounter:
    """Counts generated messages and measures their rate; the time begins with the first batch."""

    def __init__(self, rate_limit: RateLimit, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_limit = rate_limit
        self._clock = clock
        self._started_at: float | None = None
        self._messages = 0
        self._malformed = 0

    def add(self, batch: Sequence[GeneratedArticle | MalformedMessage]) -> None:
        """Count a batch."""
        self._started_at = self._clock() if self._started_at is None else self._started_at
        self._messages += len(batch)
        self._malformed += sum(isinstance(message, MalformedMessage) for message in batch)

    def status(self) -> str:
        """Return the number of messages, the duration, the rate, and the delay behind the requested rate."""
        seconds = 0.0 if self._started_at is None else self._clock() - self._started_at
        status = f"{self._messages:,} messages"
        status += f" ({self._malformed:,} broken)" if self._malformed else ""
        status += f" in {seconds:.1f} s ({self._messages / max(seconds, _MIN_DURATION_SECONDS):,.0f} a second)"
        delay = seconds - self._rate_limit.due_seconds(self._messages) if self._rate_limit.rate else 0.0
        return f"{status}, {delay:.1f} s behind the rate" if delay >= _REPORTED_DELAY_SECONDS else status


def _generate_messages(
    rate_limit: RateLimit, *, kinds: str, languages: str, broken: float, **crawl_options: Any
) -> Iterator[GeneratedArticle | MalformedMessage]:
    weights = parse_weights("languages", languages)
    options = CrawlOptions(
        count=None,
        kinds=parse_weights("kinds", kinds),
        languages=weights if "=" in languages else tuple(weights),
        interval_us=round(SECOND_US / rate_limit.rate) if rate_limit.rate else _DEFAULTS.interval_us,
        burst=rate_limit.burst,
        **crawl_options,
    )
    return insert_malformed(generate_crawl(options), broken, options.seed)


def _check_options(
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
    if gold is not None and topic is None and _is_same_file(gold, output):
        raise UsageError("--gold and --output must be different files")
    if endless and (count is not None or duration is not None):
        raise UsageError("--endless excludes --count and --duration")
    if duration is not None and not math.isfinite(duration):
        raise UsageError(f"--duration: invalid value {duration}; use --endless to run without an end")


def _is_same_file(gold: Path, output: Path | None) -> bool:
    if is_standard_output(gold) or is_standard_output(output):
        return is_standard_output(gold) and is_standard_output(output)
    return output is not None and gold.resolve() == output.resolve()


def _parse_burst(text: str | None, rate: float) -> Burst:
    if text is None:
        return STEADY
    parts = parse_weights("burst", text)
    if parts.keys() != {"times", "seconds", "every"}:
        raise UsageError(f"--burst: invalid value {text!r}; expected times=K,seconds=S,every=P")
    if not rate:
        raise UsageError("--burst: requires --rate")
    return Burst(**parts)


def parse_weights(option: str, text: str) -> dict[str, int]:
    """Parse `name=number,name,...`; a name without a number has 1. Raises UsageError."""
    weights: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _NAME_AND_NUMBER.fullmatch(part)
        if match is None or match[1] in weights:
            raise UsageError(
                f"--{option}: invalid value {part!r}; expected distinct names with integers: name=3,other=1"
            )
        weights[match[1]] = int(match[2] or 1)
    return weights
