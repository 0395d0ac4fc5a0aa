"""What the commands that take articles from files have in common."""

import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

from reprise.model import Article, Message
from reprise.processing.shutdown import StopRequest
from reprise.replay.file_source import FileSource
from reprise.settings import Settings

Decode = Callable[[Message], Article]

#: Settings of the worker's Redis that hold for any other, too.
_KEPT: Final = ("REPRISE_REDIS_TIMEOUT_SECONDS", "REPRISE_REDIS_ALLOW_EVICTION")


def end_as_interrupted() -> None:
    """End on SIGTERM and SIGHUP as on Ctrl-C: an embedded store must not outlive this process."""
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, signal.default_int_handler)


@contextmanager
def store(redis_url: str | None) -> Iterator[str]:
    """Give the URL of the Redis to use: the one named, else an embedded one while the context lasts. Raises Fatal."""
    if redis_url is not None:
        yield redis_url
        return
    from reprise.replay.embedded_valkey import embedded_valkey  # noqa: PLC0415  # --help needs no server

    with embedded_valkey() as url:
        yield url


def environment_with(url: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment with this Redis and nothing that was said of another."""
    given = os.environ if environment is None else environment
    kept = {name: value for name, value in given.items() if not name.startswith("REPRISE_REDIS_") or name in _KEPT}
    return kept | {"REPRISE_REDIS_URL": url}


def messages(settings: Settings, name: str) -> Iterator[Message]:
    """The messages of a JSON-lines file, within the settings' limits. Raises UsageError, Fatal."""
    ended = StopRequest()
    source = FileSource(
        [name],
        on_end=ended.request,
        batch_max=settings.limits.batch_max_articles,
        max_line_bytes=settings.limits.max_message_bytes,
    )
    with closing(source):
        while not ended.requested:
            yield from (each for each in source.poll(0) if isinstance(each, Message))
