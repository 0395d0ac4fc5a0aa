"""The Delivery port over a file, for `reprise replay`."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from reprise.errors import Fatal, UsageError
from reprise.model import Delivered, Outcome, OutputRecord
from reprise.replay.files.opening import STANDARD_STREAM


class EventWriter:
    """Write the body of each event as one line, in order of the input. Dead letters are not written.

    The merges of a decision come right before the event of its article.

    A file has no size limit a record, and no offsets to commit: every replay starts at the beginning.
    """

    def __init__(self, output: BinaryIO) -> None:
        """Write to `output`, which stays open when the writer is closed."""
        self._output = output
        #: the batch that `begin` has written
        self._begun: tuple[Sequence[Outcome], Sequence[Delivered]] = ((), ())

    def begin(self, outcomes: Sequence[Outcome], offset_metadata: str) -> None:
        """See Delivery: a file has no offsets, so this writes the batch."""
        self._begun = outcomes, self.deliver(outcomes, offset_metadata)

    def deliver(self, outcomes: Sequence[Outcome], offset_metadata: str) -> Sequence[Delivered]:
        """See Delivery. Raises Fatal if the file cannot be written."""
        begun, self._begun = self._begun, ((), ())
        if begun[0] is outcomes:
            return begun[1]
        records: list[OutputRecord] = []
        for outcome in outcomes:
            records += [event for event, _ in outcome.merges]
            records += [outcome.record] if outcome.record is not None else []
        try:
            self._output.writelines((record.value or b"") + b"\n" for record in records if record.rejection is None)
            self._output.flush()
        except OSError as error:
            raise Fatal(f"the events cannot be written: {error.strerror or error}") from error
        return [Delivered(message=outcome.message, record=outcome.record) for outcome in outcomes]

    def close(self) -> None:
        """See Delivery. The caller closes the output."""


def check_output(output: str, inputs: Sequence[str]) -> None:
    """Raise UsageError if the output file is one of the input files: opening it would empty that file unread.

    An output in an input folder would be read as articles.
    """
    path = Path(output)
    if output == STANDARD_STREAM:
        return
    for name in inputs:
        if name != STANDARD_STREAM and path.exists() and path.samefile(name):
            raise UsageError(f"{output} is both the output and an input")
        if name != STANDARD_STREAM and Path(name).is_dir() and path.resolve().is_relative_to(Path(name).resolve()):
            raise UsageError(f"the output {output} is in the input folder {name}; write it elsewhere")
