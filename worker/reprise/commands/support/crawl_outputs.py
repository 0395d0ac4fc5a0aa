"""Outputs of a generated crawl: a file, standard output or a topic, and a file of labels."""

import gzip
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, cast

from reprise.commands.support.topic_writer import WriteRecords, open_topic_writer
from reprise.errors import UsageError
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
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
    write_records = open_topic_writer(load(), topic, stop=stop, report=report, stack=stack)

    def write(batch: Batch) -> None:
        publish(batch, write_records, topic, with_labels=with_labels)

    return write


def publish(batch: Batch, write_records: WriteRecords, topic: str, *, with_labels: bool) -> None:
    """Publish a batch. Raises UsageError if a message is too large for the topic."""
    if write_records([to_record(message, topic, with_labels=with_labels) for message in batch]):
        raise UsageError("an article exceeds the maximum message size of the topic; reduce --words")


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
