"""`reprise produce`: write the messages of files to the input topic."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import click

from reprise.bootstrap import article_processor
from reprise.commands.support.file_input import Decode, read_records
from reprise.commands.support.progress import ProgressDisplay
from reprise.commands.support.rate_limit import MAX_RATE, RateLimit, check_rate, limit_rate
from reprise.commands.support.settings_help import KAFKA_CONNECTION, ConfiguredCommand
from reprise.commands.support.signals import on_signals
from reprise.commands.support.topic_writer import open_topic_writer
from reprise.errors import BadMessage, Fatal, SkippedMessage
from reprise.model import CorruptRecord, Message, OutputRecord
from reprise.processing.shutdown import StopRequest
from reprise.replay.files.listing import list_files
from reprise.settings import load

#: Messages of a batch, at most. With pages of 100 KB this is 10 MB of memory.
_MAX_BATCH: Final = 100

#: Rejected messages that are printed one by one.
_MAX_PRINTED: Final = 100

#: The reason of a message that the topic does not accept.
_TOO_LARGE: Final = "too_large_for_topic"

#: Least duration in seconds that a rate is computed from, against a division by zero.
_MIN_DURATION_SECONDS: Final = 1e-3


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A record for the topic, and its position in the files."""

    position: str
    record: OutputRecord


@click.command(
    cls=ConfiguredCommand,
    uses=[*KAFKA_CONNECTION, "REPRISE_TOPIC_ARTICLES", "REPRISE_INPUT_", "REPRISE_MAX_", "REPRISE_FLUSH_"],
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--topic", metavar="NAME", help="Topic to write to.  [default: REPRISE_TOPIC_ARTICLES]")
@click.option("--rate", metavar="N", type=float, default=0, show_default=True,
              help=f"Messages per second, at most {MAX_RATE:,}; 0 means no limit.")  # fmt: skip
def command(files: Sequence[str], topic: str | None, rate: float) -> None:
    """Write the articles of files to the input topic, keyed by article id.

    The files are those that `reprise replay` reads: JSON lines, a JSON array, WARC or WET, CSV or TSV with a header,
    Parquet, RSS or Atom, HTML pages, and folders; - is standard input. A message that the worker would reject with
    these settings is not written, but printed and counted.

    Each batch of 100 messages is acknowledged by all in-sync replicas. The exit code is 1 if no message is written.
    """
    rate_limit = RateLimit(rate=check_rate(rate), max_batch=_MAX_BATCH)
    list_files(files)  # reports a wrong path before the wait for a broker
    settings = load()
    topic = topic or settings.topics.articles
    display = ProgressDisplay(sys.stderr)
    stop, progress = StopRequest(), ProduceProgress(display, topic, rate_limit)
    messages = read_records(settings, files, display.print)
    records = make_records(messages, topic, article_processor(settings).decode, progress)
    interrupted = False
    with on_signals(stop.request), ExitStack() as stack:
        write = open_topic_writer(settings, topic, stop=stop, report=display.print, stack=stack)
        stack.enter_context(display.spinner(progress.status))
        for batch in limit_rate(records, rate_limit, wait=stop.wait):
            if stop.requested:
                interrupted = True
                break
            progress.add(batch, write([each.record for each in batch]))
    progress.print_summary(interrupted=interrupted)
    if interrupted:
        raise click.Abort
    if not progress.written:
        raise Fatal("no message was written" if progress.has_messages else "the files have no message")


def make_records(
    messages: Iterable[Message | CorruptRecord], topic: str, decode: Decode, progress: "ProduceProgress"
) -> Iterator[FileRecord]:
    """Yield a record for each article, with the id of the article as its key.

    All messages of an article are then in one partition, in the order of the files.
    """
    for message in messages:
        position = f"{message.topic}:{message.offset}"
        if isinstance(message, CorruptRecord):
            progress.reject(position, message.reason, message.detail)
            continue
        try:
            key = decode(message).article_id.encode()
        except BadMessage as error:
            progress.reject(position, error.reason, error.detail)
        except SkippedMessage:
            progress.skipped += 1
        else:
            yield FileRecord(position, OutputRecord(topic=topic, key=key, value=message.value, headers=()))


class ProduceProgress:
    """Counts the messages, refreshes the display and prints the rejected ones. The time begins with the first batch.

    written  acknowledged messages
    skipped  messages that are no article, such as the deletion of a row
    """

    def __init__(
        self,
        display: ProgressDisplay,
        topic: str,
        rate_limit: RateLimit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.written = 0
        self.skipped = 0
        self._display = display
        self._topic = topic
        self._rate_limit = rate_limit
        self._clock = clock
        self._started_at = clock()
        self._rejected: Counter[str] = Counter()
        self._last_position: str | None = None

    @property
    def has_messages(self) -> bool:
        """Whether the files had a message."""
        return bool(self.written or self.skipped or self._rejected)

    def add(self, batch: Sequence[FileRecord], too_large: Sequence[int]) -> None:
        """Count a batch that the broker acknowledged, but for the records that are too large."""
        for index in too_large:
            self.reject(batch[index].position, _TOO_LARGE, f"raise max.message.bytes of the topic {self._topic}")
        self.written += len(batch) - len(too_large)
        self._last_position = batch[-1].position
        self._display.refresh()

    def reject(self, position: str, reason: str, detail: str) -> None:
        """Count a message that is not written, and print it."""
        self._rejected[str(reason)] += 1
        total = self._rejected.total()
        if total <= _MAX_PRINTED:
            self._display.print(f"{position}: {reason}: {detail}")
        elif total == _MAX_PRINTED + 1:
            self._display.print("further rejected messages are only counted")

    def status(self) -> str:
        """Return the counts so far as one line."""
        seconds = self._clock() - self._started_at
        rate = self.written / max(seconds, _MIN_DURATION_SECONDS)
        status = f"{self.written:,} messages to {self._topic} in {seconds:.1f} s ({rate:,.0f} a second)"
        for count, name in ((self._rejected.total(), "rejected"), (self.skipped, "skipped")):
            status += f", {count:,} {name}" if count else ""
        return status

    def print_summary(self, *, interrupted: bool) -> None:
        """Print the counts, and where an interrupted run ended."""
        summary = f"wrote {self.status()}"
        if self._rejected:
            summary += "; rejected: " + ", ".join(f"{count:,} {name}" for name, count in self._rejected.most_common())
        self._display.print(summary)
        if interrupted:
            self._display.print(f"the last message of the topic is {self._last_position or 'none of these files'}")
        if self._rejected and not self.written:
            self._display.print("`reprise input check FILE` finds the REPRISE_INPUT_FORMAT of your crawler")
