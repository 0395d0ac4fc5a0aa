"""Input files and the Redis server of the commands that decide articles without a worker."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Final

from reprise.errors import Fatal
from reprise.model import Article, CorruptRecord, Message
from reprise.processing.shutdown import StopRequest
from reprise.replay.embedded_valkey import embedded_valkey
from reprise.replay.file_source import FileSource
from reprise.settings import Settings

Decode = Callable[[Message], Article]

#: Settings of the worker's Redis that apply to any other server as well.
_GENERAL_REDIS_SETTINGS: Final = ("REPRISE_REDIS_TIMEOUT_SECONDS", "REPRISE_REDIS_ALLOW_EVICTION")


@contextmanager
def provide_redis(redis_url: str | None) -> Iterator[str]:
    """Yield `redis_url`, or that of an embedded server that runs while the context lasts. Raises Fatal."""
    if redis_url is not None:
        yield redis_url
        return
    with embedded_valkey() as url:
        yield url


def override_redis_url(url: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment with another Redis URL, and without the password, TLS files and mode of the worker's."""
    environment = os.environ if environment is None else environment
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("REPRISE_REDIS_") or name in _GENERAL_REDIS_SETTINGS
    }
    return kept | {"REPRISE_REDIS_URL": url}


def read_messages(settings: Settings, path: str) -> Iterator[Message]:
    """Yield the messages of a file or folder, within the limits of the settings.

    Raises UsageError, and Fatal also at a part of a file that cannot be read.
    """
    for message in read_records(settings, [path]):
        if isinstance(message, CorruptRecord):
            raise Fatal(f"{message.topic}:{message.offset}: {message.detail}")
        yield message


def read_records(
    settings: Settings, paths: Sequence[str], report: Callable[[str], None] | None = None
) -> Iterator[Message | CorruptRecord]:
    """Yield the messages of files and folders, and a CorruptRecord for each part that cannot be read.

    report  called once with a line about the files of folders that are left out

    Raises UsageError, Fatal.
    """
    end = StopRequest()
    source = FileSource(
        paths,
        on_end=end.request,
        batch_max=1,  # the caller may read a part of the files only
        max_line_bytes=settings.limits.max_message_bytes,
    )
    left_out = source.files.describe_left_out()
    if report is not None and left_out is not None:
        report(left_out)
    with closing(source):
        while not end.requested:
            yield from source.poll(0)
