"""Articles from files and events to a file: the two ports that `reprise replay` puts around the same pipeline."""

import gzip
import sys
import zlib
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, cast

from reprise.errors import Fatal, UsageError
from reprise.model import CorruptRecord, Message, Outcome
from reprise.settings.groups import BATCH_MAX

#: The name that stands for standard input.
STDIN: Final = "-"

#: A file has one partition.
_PARTITION: Final = 0

#: Bytes of a line read at once where no limit is given; a line is never held twice.
_DEFAULT_MAX_LINE_BYTES: Final = 104_857_600


class FileSource:
    """The Source over JSON-lines files, `.gz` too, one after the other.

    A message a line: topic = the file's name as given, partition 0, offset = the line's number, from 1. Empty lines are
    none. `ended` is called by the poll that finds nothing left. Of a line longer than `max_line_bytes` one byte more
    than the limit is kept, for the message to be judged too large.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        ended: Callable[[], None],
        batch_max: int = BATCH_MAX,
        max_line_bytes: int = _DEFAULT_MAX_LINE_BYTES,
    ) -> None:
        """Raises UsageError where a file cannot be read, one line for each."""
        refuse_unreadable(names)
        self._messages = _messages(names, max_line_bytes)
        self._ended = ended
        self._batch_max = batch_max
        self._paused = False

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        """See Source; never waits. Raises Fatal where a file breaks in the middle."""
        if self._paused:
            return ()
        batch = list(islice(self._messages, self._batch_max))
        if not batch:
            self._ended()
        return batch

    def notes(self) -> Sequence[str]:
        """See Source: a replay remembers no other."""
        return ()

    def pause(self) -> None:
        """See Source."""
        self._paused = True

    def resume(self) -> None:
        """See Source."""
        self._paused = False

    def close(self) -> None:
        """Close the file in hand."""
        self._messages.close()


class EventWriter:
    """The Delivery that writes the body of each event on a line of its own, in order. Dead letters are left out.

    Nothing is too large for a file, and nothing is committed: a replay begins at the beginning.
    """

    def __init__(self, output: BinaryIO) -> None:
        self._output = output

    def deliver(self, outcomes: Sequence[Outcome], note: str) -> Sequence[tuple[Outcome, int]]:
        """See Delivery. Raises Fatal where the file cannot be written."""
        # a dead letter is made as well, for whoever listens to that
        made = [(outcome.reasons[0], outcome.records[0]()) for outcome in outcomes if outcome.records]
        try:
            self._output.writelines((record.value or b"") + b"\n" for reason, record in made if reason is None)
            self._output.flush()
        except OSError as error:
            raise Fatal(f"the events cannot be written: {error.strerror or error}") from error
        return [(outcome, 0) for outcome in outcomes]

    def close(self) -> None:
        """Leave the output to who opened it."""


def refuse_unreadable(names: Sequence[str]) -> None:
    """Raise UsageError where a file cannot be read, one line for each."""
    missing = [f"{name}: {problem}" for name in names if (problem := _unreadable(name))]
    if missing:
        raise UsageError("\n".join(missing))


def refuse_overwriting(names: Sequence[str], output: str) -> None:
    """Raise UsageError where the output is one of the inputs, which it would empty before they are read."""
    written = Path(output)
    if output != STDIN and written.exists():
        for name in names:
            if name != STDIN and written.samefile(name):
                raise UsageError(f"{output}: the output is an input, too")


def _unreadable(name: str) -> str | None:
    if name == STDIN:
        return None
    try:
        with Path(name).open("rb"):
            return None
    except OSError as error:
        return error.strerror or str(error)


def _messages(names: Sequence[str], max_line_bytes: int) -> Generator[Message, None, None]:
    for name in names:
        with _open(name) as file:
            try:
                for number, line in _lines(file, max_line_bytes):
                    yield Message(topic=name, partition=_PARTITION, offset=number, key=None, value=line)
            except (OSError, EOFError, zlib.error) as error:
                raise Fatal(f"{name} cannot be read to its end: {error}") from error


def _open(name: str) -> BinaryIO:
    if name == STDIN:
        # a copy of the descriptor: closing ours leaves the process's own alone
        return open(sys.stdin.fileno(), "rb", closefd=False)
    if name.endswith(".gz"):
        return cast("BinaryIO", gzip.open(name, "rb"))
    return Path(name).open("rb")


def _lines(file: BinaryIO, max_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Give the lines that are not empty with their numbers, without their ends."""
    number = 0
    while line := file.readline(max_bytes + 1):
        number += 1
        rest = line
        while len(rest) > max_bytes and not rest.endswith(b"\n"):
            rest = file.readline(max_bytes + 1)
        line = line.rstrip(b"\r\n")
        if line.strip():
            yield number, line
