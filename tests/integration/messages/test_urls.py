"""The public suffix list in a process of its own, where it is not loaded yet."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support import REPOSITORY

PROGRAM = """
import socket

def refuse(*_, **__):
    raise AssertionError("a connection was tried")

socket.socket.connect = socket.getaddrinfo = refuse
from reprise.messages.urls import registered_domain
print(registered_domain("https://www.example.co.uk/"))
"""


def test_suffixes_need_neither_network_nor_disk(tmp_path: Path) -> None:
    """The public suffix list ships with tldextract: no socket is opened and no file written."""
    run = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM],
        cwd=REPOSITORY,
        env={**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout == "example.co.uk\n"
    assert list(tmp_path.rglob("*")) == []
