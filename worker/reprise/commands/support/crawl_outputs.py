"""Outputs of a generated crawl: a file, standard output or a topic, and a file of labels."""

import gzip
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, cast

from reprise.bootstrap import open_sink
from reprise.errors import Fatal, UsageError
from reprise.processing.ports import Sink
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from reprise.startup import StoppedDuringStartup, require_topics, retry_until_ready, wait_for_broker
from reprise.synthetic import GeneratedArticle, MalformedMessage
from reprise.synthetic.serialize import serialize_label, serialize_line, to_record

Batch = Iterable[GeneratedArticle | MalformedMessage]
WriteBatch = Callable[[Batch], None]


def is_standard_output(path: Path | None) -> bool:
    """Return whether an output path means standard output."""
    return path is None or str(path) == "-"


def open_file(path: Path | None, *, with_labels: bool, stack: ExitStack) -> WriteBatch:
    """Open the output file, or standard output. Return a function that writes a batch as lines.

    stack: closes the file
    """
    file = _open(path, stack)

    def write(batch: Batch) -> None:
        _write_all(file, b"".join(serialize_line(message, with_labels=with_labels) for message in batch))

    return write


def open_label_file(path: Path, *, stack: ExitStack) -> WriteBatch:
    """Open the label file. Return a function that writes the labels of a batch as lines.

    stack: closes the file
    """
    file = _open(path, stack)

    def write(batch: Batch) -> None:
        _write_all(file, b"".join(serialize_label(message) for message in batch))

    return write


def open_topic(
    topic: str, *, with_labels: bool, stop: StopRequest, report: Callable[[str], None], stack: ExitStack
) -> WriteBatch:
    """Connect a producer to Kafka, as the environment configures it. Return a function that publishes a batch.

    A batch is retried while the broker is unreachable.

    report  prints the reason for a wait
    stack   closes the producer

    Raises Unreachable if the topic does not exist, Fatal, StoppedDuringStartup.
    """
    settings = load()

    def report_waiting(reason: str) -> None:
        report(f"waiting: {reason}")

    wait_for_broker(settings, stop, report_waiting)
    require_topics(settings, [topic])  # otherwise the producer waits half a minute for the topic
    sink = stack.enter_context(closing(open_sink(settings)))

    def write(batch: Batch) -> None:
        try:
            retry_until_ready(
                lambda: publish(batch, sink, topic, with_labels=with_labels),
                f"topic {topic}",
                timeout_seconds=settings.times.startup_timeout_seconds,
                stop=stop,
                on_waiting=report_waiting,
            )
        except StoppedDuringStartup:
            raise Fatal("stopped while Kafka was unreachable; the last batch was not published") from None

    return write


def publish(batch: Batch, sink: Sink, topic: str, *, with_labels: bool) -> None:
    """Send a batch and wait for its acknowledgement. Raises UsageError if a message is too large, Unreachable."""
    too_large = sink.send([to_record(message, topic, with_labels=with_labels) for message in batch])
    if too_large:
        raise UsageError("an article exceeds the maximum message size of the topic; reduce --words")
    sink.flush()


def _write_all(file: IO[bytes], data: bytes) -> None:
    """Write all bytes. With PYTHONUNBUFFERED, a signal can cut a write to a full pipe short."""
    remaining = memoryview(data)
    while remaining:
        remaining = remaining[file.write(remaining) :]


def _open(path: Path | None, stack: ExitStack) -> IO[bytes]:
    if path is None or is_standard_output(path):
        return sys.stdout.buffer
    file: IO[bytes] = stack.enter_context(path.open("wb"))
    if path.suffix != ".gz":
        return file
    # Without name and time in the header, the same crawl compresses to the same bytes.
    compressed = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0)
    stack.callback(compressed.close)
    return cast("IO[bytes]", compressed)
