"""`reprise replay`: run the worker's pipeline from files to a file, without Kafka."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

import click

from reprise.bootstrap import article_processor, build_pipeline, open_index
from reprise.commands.support.file_input import override_redis_url, provide_redis
from reprise.commands.support.progress import ProgressDisplay
from reprise.commands.support.settings_help import DECISIONS, REDIS_INDEX, ConfiguredCommand
from reprise.commands.support.signals import interrupt_on_termination
from reprise.errors import Fatal
from reprise.index.redis.client import connect
from reprise.model import CorruptRecord, DeadLetterReason, Decision, Dependency, Message, OutageKind, Rejection
from reprise.observability.observers import NullObserver
from reprise.observability.outcomes import ArticleOutcome, outcome_of
from reprise.processing.shutdown import StopRequest
from reprise.replay.event_writer import EventWriter, check_output
from reprise.replay.file_source import FileSource
from reprise.replay.files.listing import list_files
from reprise.settings import Settings, load

#: Dead letters that are printed one by one; of a file in another format a hundred lines suffice.
MAX_PRINTED_DEAD_LETTERS: Final = 100

_JSON_LINES: Final = "each line must hold one JSON object; name the file .json if it holds a JSON array"

#: What to do if no message of the files can be decided, by the most frequent reason.
_ADVICE: Final = {
    DeadLetterReason.NOT_JSON: _JSON_LINES,
    DeadLetterReason.NOT_AN_OBJECT: _JSON_LINES,
    DeadLetterReason.NO_TEXT: "`reprise input check FILE` finds the REPRISE_INPUT_FORMAT of your crawler",
}


@click.command(cls=ConfiguredCommand, uses=[*DECISIONS, *REDIS_INDEX, "REPRISE_CIRCUIT_"])
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    default="-",
    show_default=True,
    help="Write the events to this file; - is standard output.",
)
@click.option(
    "--redis-url",
    metavar="URL",
    help="Redis server of the index. Without it, an embedded server starts with an empty index and stops at the end.",
)
@click.option("--source", metavar="NAME", help="Source of articles that name none.")
def command(files: Sequence[str], output: str, redis_url: str | None, source: str | None) -> None:
    """Decide the articles of files in order, and write one event per line.

    A FILE is JSON lines, a JSON array, WARC or WET, CSV or TSV with a header, Parquet, RSS or Atom, an HTML page, or a
    folder of such files; compressed with gzip or zstd or not; - is standard input. The settings of Kafka, the topics
    and the HTTP port have no effect.
    """
    list_files(files)  # before the output is opened, which empties it
    check_output(output, files)
    interrupt_on_termination()
    with provide_redis(redis_url) as url, _open_output(output) as events:
        settings = load(override_redis_url(url))
        if not replay_files(settings, files, events, source, is_shared=redis_url is not None):
            raise Fatal("Redis was unreachable for too long; the output is incomplete")


@contextmanager
def _open_output(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        return
    with open(name, "wb") as file:  # not Path(name).open: an error line shows the name as it was given
        yield file


def replay_files(
    settings: Settings, files: Sequence[str], events: BinaryIO, source: str | None, *, is_shared: bool = False
) -> bool:
    """Run the pipeline to the end of the files. Return whether it delivered everything.

    is_shared  whether workers may share the index, so that a new one needs a secret seed. The decisions on a file
               are the same each time only with the fixed seed
    """
    stop = StopRequest()
    display = ProgressDisplay(sys.stderr)
    progress = ReplayProgress(display)
    with ExitStack() as closing:
        messages = FileSource(
            files,
            on_end=stop.request,
            batch_max=settings.limits.batch_max_articles,
            max_line_bytes=settings.limits.max_message_bytes,
        )
        closing.callback(messages.close)
        if left_out := messages.files.describe_left_out():
            display.print(left_out)
        index = open_index(settings, connect(settings.redis), has_secret_seed=is_shared)
        closing.callback(index.close)
        closing.enter_context(display.spinner(progress.status))
        pipeline = build_pipeline(
            settings,
            source=messages,
            index=index,
            delivery=EventWriter(events),
            observer=progress,
            stop=stop,
            outage_timeout_seconds=settings.times.startup_timeout_seconds,
            processor=article_processor(settings, default_source=source, seed_of=index.seed_of),
        )
        # The next line of a pipe may take long to arrive; the events of the previous ones must not wait for it.
        pipeline.reads_ahead = all(Path(name).is_file() for name in messages.files.paths)
        delivered = pipeline.run()
    progress.print_summary()
    if progress.is_all_dead:
        raise Fatal("every message is a dead letter")
    return delivered


class ReplayProgress(NullObserver):
    """Counts outcomes, refreshes the display, and prints dead letters and outages."""

    def __init__(self, display: ProgressDisplay, clock: Callable[[], float] = time.monotonic) -> None:
        self._display = display
        self._clock = clock
        self._started_at = clock()
        self._messages = 0
        self._outcomes: Counter[ArticleOutcome] = Counter()
        self._variants: Counter[str] = Counter()
        self._merges = 0
        self._dead_letters: Counter[DeadLetterReason] = Counter()

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """Count the outcomes, and the kinds of variants."""
        for decision in decisions:
            outcome = outcome_of(decision)
            self._outcomes[outcome] += 1
            if outcome is ArticleOutcome.VARIANT and decision.kind:
                self._variants[decision.kind.value] += 1
            if outcome is not ArticleOutcome.REPLAYED:
                self._merges += len(decision.merges)

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        """Count a dead letter and print it: a replay writes it to no topic."""
        self._dead_letters[rejection.reason] += 1
        total = self._dead_letters.total()
        if total <= MAX_PRINTED_DEAD_LETTERS:
            self._display.print(f"{message.topic}:{message.offset}: {rejection.reason.value}: {rejection.detail}")
        elif total == MAX_PRINTED_DEAD_LETTERS + 1:
            self._display.print("further dead letters are only counted")

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """Count processed messages."""
        self._messages += len(messages)
        self._display.refresh()

    def unreachable(self, dependency: Dependency, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        """Print the start of an outage."""
        self._display.print(f"{dependency} is unreachable; retrying")

    def reachable(self, dependency: Dependency) -> None:
        """Print the end of an outage."""
        self._display.print(f"{dependency} is reachable again")

    def status(self) -> str:
        """Return the counts so far as one line."""
        counts = [f"{self._outcomes[ArticleOutcome.NEW]:,} new", f"{self._outcomes[ArticleOutcome.VARIANT]:,} variants"]
        if replayed := self._outcomes[ArticleOutcome.REPLAYED]:
            counts.append(f"{replayed:,} replayed")
        if notices := self._dead_letters[DeadLetterReason.NO_ARTICLE]:
            counts.append(f"{notices:,} no article")
        if self._merges:
            counts.append(f"{self._merges:,} merges")
        return f"{self._messages:,} messages: {', '.join(counts)}, {self._dead:,} dead"

    @property
    def _dead(self) -> int:
        """Return the number of messages that could not be decided."""
        return self._dead_letters.total() - self._dead_letters[DeadLetterReason.NO_ARTICLE]

    @property
    def is_all_dead(self) -> bool:
        """Whether there were messages, and all of them became dead letters."""
        return self._messages > 0 and self._dead == self._messages

    def print_summary(self) -> None:
        """Print the counts, the duration, the rate, and the counts by kind and by reason."""
        seconds = max(self._clock() - self._started_at, 1e-9)
        parts = [f"{self.status()} in {seconds:.1f} s ({self._messages / seconds:,.0f} a second)"]
        reasons = Counter({reason.value: count for reason, count in self._dead_letters.items()})
        for title, counts in (("variants", self._variants), ("dead letters", reasons)):
            if counts:
                parts.append(f"{title}: " + ", ".join(f"{count:,} {name}" for name, count in counts.most_common()))
        self._display.print("; ".join(parts))
        if self.is_all_dead:
            ((reason, _),) = self._dead_letters.most_common(1)
            if reason in _ADVICE:
                self._display.print(f"no message was decided: {_ADVICE[reason]}")
