"""`reprise replay`: the worker's own pipeline from files to a file, without Kafka."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from reprise.commands.support.file_input import end_as_interrupted, environment_with, store, with_source
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.errors import Fatal
from reprise.model import CorruptRecord, DeadLetterReason, Message, OutputRecord
from reprise.settings import Settings, load

if TYPE_CHECKING:
    from reprise.commands.support.progress import Progress

Bin = Callable[[Message | CorruptRecord, DeadLetterReason, str, float], OutputRecord]


@click.command(cls=ConfiguredCommand)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--output", type=click.Path(dir_okay=False), default="-", help="Where the events go; - is standard output."
)
@click.option(
    "--redis-url", help="The Redis of the index; without it, an embedded store that is empty and goes with the end."
)
@click.option("--source", help="The source of articles that name none.")
def command(files: Sequence[str], output: str, redis_url: str | None, source: str | None) -> None:
    """Decide the articles of JSON-lines files (.gz too, - for standard input), in order, one event a line.

    The settings of Kafka and of the worker's port play no part.
    """
    from reprise.replay.event_writer import check_output  # noqa: PLC0415
    from reprise.replay.file_source import check_readable  # noqa: PLC0415

    check_readable(files)  # before the output is opened, which empties it
    check_output(output, files)
    end_as_interrupted()
    with store(redis_url) as url, _output(output) as events:
        if not replay_files(load(environment_with(url)), files, events, source):
            raise Fatal("redis stayed away, and the events are incomplete")


@contextmanager
def _output(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        return
    with open(name, "wb") as file:  # a name as it was given, for the error's words
        yield file


def replay_files(settings: Settings, files: Sequence[str], events: BinaryIO, source: str | None) -> bool:
    """Run the pipeline to the end of the files; answers whether everything is delivered."""
    from reprise.bootstrap import build_pipeline, open_index, steps_of  # noqa: PLC0415
    from reprise.commands.support.progress import Progress  # noqa: PLC0415
    from reprise.index.redis.client import connect  # noqa: PLC0415
    from reprise.processing.shutdown import StopRequest  # noqa: PLC0415
    from reprise.replay.event_writer import EventWriter  # noqa: PLC0415
    from reprise.replay.file_source import FileSource  # noqa: PLC0415

    stop = StopRequest()
    with ExitStack() as closing:
        messages = FileSource(
            files,
            on_end=stop.request,
            batch_max=settings.limits.batch_max_articles,
            max_line_bytes=settings.limits.max_message_bytes,
        )
        closing.callback(messages.close)
        index = open_index(settings, connect(settings.redis))
        closing.callback(index.close)
        progress = closing.enter_context(Progress(sys.stderr))
        steps = steps_of(settings)
        pipeline = build_pipeline(
            settings,
            source=messages,
            index=index,
            delivery=EventWriter(events),
            observer=progress,
            stop=stop,
            outage_limit_seconds=settings.times.startup_timeout_seconds,
            steps=replace(
                steps,
                read=with_source(steps.read, source),
                dead_letter=_told(steps.dead_letter, progress),
            ),
        )
        # a pipe's next line may be long in coming, and the events of the last one do not wait for it
        pipeline.reads_ahead = all(Path(name).is_file() for name in files)
        delivered = pipeline.run()
    progress.summarise()
    return delivered


def _told(bin_: Bin, progress: "Progress") -> Bin:
    """Tell of each dead letter as it is made: there is no topic to look into afterwards."""

    def binning(message: Message | CorruptRecord, reason: DeadLetterReason, detail: str, now: float) -> OutputRecord:
        progress.note(f"{message.topic}:{message.offset}: {reason.value}: {detail}")
        return bin_(message, reason, detail, now)

    return binning
