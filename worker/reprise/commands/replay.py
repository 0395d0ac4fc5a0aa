"""`reprise replay`: the worker's own pipeline from files to a file, without Kafka."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from reprise.commands.support.file_input import end_as_interrupted, environment_with, store
from reprise.commands.support.settings_help import ConfiguredCommand
from reprise.errors import Fatal
from reprise.settings import Settings, load


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
    from reprise.bootstrap import article_processor, build_pipeline, open_index  # noqa: PLC0415
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
        pipeline = build_pipeline(
            settings,
            source=messages,
            index=index,
            delivery=EventWriter(events),
            observer=progress,
            stop=stop,
            outage_timeout_seconds=settings.times.startup_timeout_seconds,
            processor=article_processor(settings, default_source=source),
        )
        # a pipe's next line may be long in coming, and the events of the last one do not wait for it
        pipeline.reads_ahead = all(Path(name).is_file() for name in files)
        delivered = pipeline.run()
    progress.summarise()
    return delivered
