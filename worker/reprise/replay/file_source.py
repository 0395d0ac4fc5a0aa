"""The Source port over files, for commands that run the pipeline without Kafka."""

import zlib
from collections.abc import Callable, Generator, Sequence
from itertools import islice
from typing import Final

import zstandard

from reprise.errors import Fatal
from reprise.model import CorruptRecord, Message
from reprise.replay.files.entries import DamagedFile, UnreadableEntry
from reprise.replay.files.kinds import read_entries
from reprise.replay.files.listing import list_files
from reprise.replay.files.opening import open_input

#: Partition of every message of a file.
_PARTITION: Final = 0

#: The errors of a file that cannot be read to its end, and of its compression.
_READ_ERRORS: Final = (DamagedFile, OSError, EOFError, zlib.error, zstandard.ZstdError)


class FileSource:
    """Read messages from files, one file after the other: each kind of replay/files, compressed or not.

    The topic of a message is the path of its file, its partition 0, and its offset its position in the file, from 1:
    the number of the line, the row, the record, the item of an array or the entry of a feed.
    """

    def __init__(
        self, paths: Sequence[str], *, on_end: Callable[[], None], batch_max: int, max_line_bytes: int
    ) -> None:
        """List the files of folders, and check that every file can be opened.

        on_end          called by each poll after the last message
        batch_max       maximum messages a poll
        max_line_bytes  of a longer value only one byte more than this is kept, so that the decoder rejects the message

        Raises UsageError with a line for each file that cannot be opened.
        """
        self.files = list_files(paths)
        self._messages = _read_messages(self.files.paths, max_line_bytes)
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


def _read_messages(paths: Sequence[str], max_bytes: int) -> Generator[Message | CorruptRecord, None, None]:
    for path in paths:
        try:
            with open_input(path) as file:
                for number, value in read_entries(file, max_bytes):
                    if isinstance(value, UnreadableEntry):
                        yield CorruptRecord(topic=path, partition=_PARTITION, offset=number, detail=value.detail)
                    else:
                        yield Message(topic=path, partition=_PARTITION, offset=number, key=None, value=value)
        except _READ_ERRORS as error:
            raise Fatal(f"{path} cannot be read to its end: {error}") from error
