"""Open a file or standard input, decompressed, and look at its first bytes."""

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from reprise.replay.files.zstd_stream import ZstdStream

#: The path that stands for standard input, or for standard output.
STANDARD_STREAM: Final = "-"

#: Suffixes of compressed files, before which the suffix of the kind stands.
COMPRESSED_SUFFIXES: Final = (".gz", ".zst", ".zstd")

#: Bytes in which the kind of a file is recognised: HTML pages may begin with comments.
HEAD_BYTES: Final = 4_096

_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"

#: Bytes of a read buffer; it holds HEAD_BYTES.
_BUFFER_BYTES: Final = 65_536


@dataclass(frozen=True, slots=True)
class InputFile:
    """An open file.

    path       as in the command
    content    the decompressed bytes
    head       the first bytes of the content
    is_regular whether the file can be read twice, unlike a pipe
    """

    path: str
    content: io.BufferedReader
    head: bytes
    is_regular: bool


def base_name(path: str) -> str:
    """Return the name of a file in lower case, without the suffix of its compression."""
    name = Path(path).name.lower()
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


@contextmanager
def open_input(path: str) -> Iterator[InputFile]:
    """Open a file or standard input. The first bytes say whether it is compressed with gzip or zstd."""
    with ExitStack() as closing:
        raw = closing.enter_context(_open(path))
        start = raw.peek(len(_ZSTD))
        content = raw
        if start.startswith(_GZIP):
            content = _buffered(gzip.GzipFile(fileobj=raw, mode="rb"))
        elif start.startswith(_ZSTD):
            content = _buffered(ZstdStream(raw))
        head = content.peek(HEAD_BYTES)[:HEAD_BYTES]
        yield InputFile(path=path, content=content, head=head, is_regular=Path(path).is_file())


def _open(path: str) -> io.BufferedReader:
    if path == STANDARD_STREAM:
        # closefd=False: closing this file leaves the process's standard input open.
        return _buffered(open(sys.stdin.fileno(), "rb", buffering=0, closefd=False))
    return _buffered(open(path, "rb", buffering=0))  # not Path(path).open: an error shows the path as it was given


def _buffered(stream: object) -> io.BufferedReader:
    return io.BufferedReader(cast("io.RawIOBase", stream), _BUFFER_BYTES)
