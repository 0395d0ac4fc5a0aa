"""Where a generated crawl goes: a file, standard output or a topic; its labels beside it."""

import gzip
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, cast

from reprise.errors import Fatal, UsageError
from reprise.processing.ports import Sink
from reprise.processing.shutdown import StopRequest
from reprise.synthetic import GeneratedArticle, MalformedMessage
from reprise.synthetic.serialize import serialize_label, serialize_line, to_record

Messages = Iterable[GeneratedArticle | MalformedMessage]
Write = Callable[[Messages], None]


def is_standard_output(path: Path | None) -> bool:
    """Say whether a file's name means standard output."""
    return path is None or str(path) == "-"


def to_file(path: Path | None, *, with_labels: bool, stack: ExitStack) -> Write:
    """Write lines to a file, compressed if its name ends in .gz, or to standard output."""
    file = _opened(path, stack)

    def write(batch: Messages) -> None:
        _write_all(file, b"".join(serialize_line(message, with_labels=with_labels) for message in batch))

    return write


def to_gold(path: Path, *, stack: ExitStack) -> Write:
    """Write the labels alone to a file."""
    file = _opened(path, stack)

    def write(batch: Messages) -> None:
        _write_all(file, b"".join(serialize_label(message) for message in batch))

    return write


def to_topic(
    topic: str, *, with_labels: bool, stop: StopRequest, say: Callable[[str], None], stack: ExitStack
) -> Write:
    """Send to a topic of the Kafka that the environment names; what the broker was away for is sent again.

    Raises Unreachable where there is no such topic, Fatal, StoppedDuringStartup.
    """
    # imported here, so that a file needs neither settings nor a client
    from reprise.bootstrap import open_sink  # noqa: PLC0415
    from reprise.settings import load  # noqa: PLC0415
    from reprise.startup import StoppedDuringStartup, require_topics, retry_until_ready, wait_for_broker  # noqa: PLC0415

    settings = load()

    def waiting(reason: str) -> None:
        say(f"waiting: {reason}")

    wait_for_broker(settings, stop, waiting)
    require_topics(settings, [topic])  # else the first record waits half a minute for a topic that nobody makes
    sink = stack.enter_context(closing(open_sink(settings)))

    def write(batch: Messages) -> None:
        try:
            retry_until_ready(
                lambda: deliver(batch, sink, topic, with_labels=with_labels),
                f"topic {topic}",
                timeout_seconds=settings.times.startup_timeout_seconds,
                stop=stop,
                on_waiting=waiting,
            )
        except StoppedDuringStartup:
            raise Fatal("stopped with a batch undelivered, as Kafka stayed away") from None

    return write


def deliver(batch: Messages, sink: Sink, topic: str, *, with_labels: bool) -> None:
    """Send a batch and wait until it is acknowledged. Raises UsageError where an article is too large, Unreachable."""
    too_large = sink.send([to_record(message, topic, with_labels=with_labels) for message in batch])
    if too_large:
        raise UsageError("an article is larger than the topic's brokers take; ask for fewer --words")
    sink.flush()


def _write_all(file: IO[bytes], data: bytes) -> None:
    """Write to the last byte: with PYTHONUNBUFFERED a signal makes a write to a full pipe a short one."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _opened(path: Path | None, stack: ExitStack) -> IO[bytes]:
    if path is None or is_standard_output(path):
        return sys.stdout.buffer
    file: IO[bytes] = stack.enter_context(path.open("wb"))
    if path.suffix != ".gz":
        return file
    # Neither name nor time: the same crawl is the same bytes also when it is compressed.
    packed = gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=file, mtime=0)
    stack.callback(packed.close)
    return cast("IO[bytes]", packed)
