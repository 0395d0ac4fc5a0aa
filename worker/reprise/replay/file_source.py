"""The Source port over JSON-lines files, for commands that run the pipeline without Kafka."""

import gzip
import sys
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, cast

import orjson

from reprise.errors import Fatal, UsageError
from reprise.messages.body import BYTE_ORDER_MARK
from reprise.model import CorruptRecord, Message

#: The path that stands for standard input, or for standard output.
STANDARD_STREAM: Final = "-"

#: Names of files that may hold one JSON value, as a list of articles that a crawler or an API writes.
_JSON_SUFFIXES: Final = (".json", ".json.gz")

#: Bytes of such a file at most, decompressed: it is parsed in memory. A larger one is read as lines.
_MAX_JSON_BYTES: Final = 268_435_456

#: Partition of every message of a file.
_PARTITION: Final = 0


class FileSource:
    """Read messages from JSON-lines files, one file after the other; `.gz` files are decompressed.

    Each line that is not blank is the value of a message. Its topic is the path, its partition 0, and its offset the
    line number, from 1. A `.json` file may instead hold one JSON value: the items of an array are messages, and their
    offsets are their positions in it, from 1.
    """

    def __init__(
        self, paths: Sequence[str], *, on_end: Callable[[], None], batch_max: int, max_line_bytes: int
    ) -> None:
        """Check that every file can be opened.

        on_end          called by each poll after the last message
        batch_max       maximum messages a poll
        max_line_bytes  of a longer line only one byte more than this is kept, so that the decoder rejects the message

        Raises UsageError with a line for each file that cannot be opened.
        """
        check_readable(paths)
        self._messages = _read_messages(paths, max_line_bytes)
        self._on_end = on_end
        self._batch_max = batch_max
        self._paused = False

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        """See Source. Does not wait for the timeout. Raises Fatal if a file cannot be read to its end."""
        if self._paused:
            return ()
        batch = list(islice(self._messages, self._batch_max))
        if not batch:
            self._on_end()
        return batch

    def read_offset_metadata(self) -> Sequence[str]:
        """See Source. Files have no offset metadata."""
        return ()

    def pause(self) -> None:
        """See Source."""
        self._paused = True

    def resume(self) -> None:
        """See Source."""
        self._paused = False

    def close(self) -> None:
        """Close the open file."""
        self._messages.close()


def check_readable(paths: Sequence[str]) -> None:
    """Raise UsageError with a line for each file that cannot be opened."""
    problems = [f"{path}: {problem}" for path in paths if (problem := _open_problem(path))]
    if problems:
        raise UsageError("\n".join(problems))


def _open_problem(path: str) -> str | None:
    if path == STANDARD_STREAM:
        return None
    try:
        with Path(path).open("rb"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _read_messages(paths: Sequence[str], max_line_bytes: int) -> Generator[Message, None, None]:
    for path in paths:
        with _open(path) as file:
            try:
                for number, line in _read_values(path, file, max_line_bytes):
                    yield Message(topic=path, partition=_PARTITION, offset=number, key=None, value=line)
            except (OSError, EOFError, zlib.error) as error:
                raise Fatal(f"{path} cannot be read to its end: {error}") from error


def _open(path: str) -> BinaryIO:
    if path == STANDARD_STREAM:
        # closefd=False: closing this file leaves the process's standard input open.
        return open(sys.stdin.fileno(), "rb", closefd=False)
    if path.endswith(".gz"):
        return cast("BinaryIO", gzip.open(path, "rb"))
    return Path(path).open("rb")


def _read_values(path: str, file: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the values of the messages of a file, with their numbers."""
    if not path.lower().endswith(_JSON_SUFFIXES) or not Path(path).is_file():  # a pipe cannot be read twice
        yield from _read_lines(file, max_bytes)
        return
    content = file.read(_MAX_JSON_BYTES + 1)
    try:
        parsed = orjson.loads(content.removeprefix(BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:  # lines, or a file that is too large
        file.seek(0)
        yield from _read_lines(file, max_bytes)
        return
    for number, value in enumerate(parsed if isinstance(parsed, list) else [parsed], start=1):
        yield number, orjson.dumps(value)[: max_bytes + 1]


def _read_lines(file: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers and without line ends.

    Of a longer line the first max_bytes + 1 bytes are kept. The rest is read in pieces, so that an endless line takes
    no more memory.
    """
    number = 0
    while line := file.readline(max_bytes + 1):
        number += 1
        rest = line
        while len(rest) > max_bytes and not rest.endswith(b"\n"):
            rest = file.readline(max_bytes + 1)
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield number, line
