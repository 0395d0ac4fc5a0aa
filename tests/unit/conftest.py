"""Unit tests open no socket and start no process; a test that needs one belongs to tests/integration."""

import os
import socket
import subprocess
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest


def _refuse(*_arguments: Any, **_options: Any) -> NoReturn:
    pytest.fail("a unit test opens no socket and starts no process: move it to tests/integration")


@pytest.fixture(scope="package", autouse=True)
def no_sockets_and_processes() -> Iterator[None]:
    """Fail a test that connects a socket or listens on one, or starts a process."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "listen"):
            patch.setattr(socket.socket, name, _refuse)
        patch.setattr(subprocess.Popen, "__init__", _refuse)
        for name in ("fork", "posix_spawn", "system"):
            patch.setattr(os, name, _refuse)
        yield
