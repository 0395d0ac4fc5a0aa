"""Input files and the Redis server of the commands that decide articles without a worker."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

from reprise.model import Article, Message
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
    """Yield the messages of a JSON-lines file, within the limits of the settings. Raises UsageError, Fatal."""
    end = StopRequest()
    source = FileSource(
        [path],
        on_end=end.request,
        batch_max=settings.limits.batch_max_articles,
        max_line_bytes=settings.limits.max_message_bytes,
    )
    with closing(source):
        while not end.requested:
            yield from (message for message in source.poll(0) if isinstance(message, Message))
