"""EventWriter: events to a file, and the check of its path."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from reprise.errors import Fatal, UsageError
from reprise.model import DeadLetterReason, Delivered, Message, Outcome, OutputRecord, Rejection
from reprise.replay.event_writer import EventWriter, check_output


def outcome(value: bytes, reason: DeadLetterReason | None = None) -> Outcome:
    message = Message(topic="raw", partition=0, offset=1, key=None, value=b"{}")
    rejection = None if reason is None else Rejection(reason=reason, detail="")
    record = OutputRecord(topic="t", key=b"k", value=value, headers=(), rejection=rejection)
    return Outcome(message=message, record=record)


def test_only_events_are_written() -> None:
    """Each event is one line, in order. Dead letters are not written, but count as delivered."""
    output = io.BytesIO()
    writer = EventWriter(output)
    outcomes = [outcome(b"1"), outcome(b"2", DeadLetterReason.NOT_JSON), outcome(b"3")]
    assert writer.deliver(outcomes, "") == [Delivered(message=each.message, record=each.record) for each in outcomes]
    assert output.getvalue() == b"1\n3\n"
    writer.close()
    assert not output.closed


def test_merges_are_written_before_the_event_of_their_article() -> None:
    """A reader of the file knows that two stories are one before an event names the older one."""
    output = io.BytesIO()
    large, small = (OutputRecord(topic="m", key=b"k", value=value, headers=()) for value in (b"large", b"small"))
    EventWriter(output).deliver([outcome(b"1"), replace(outcome(b"2"), merges=[(large, small)])], "")
    assert output.getvalue() == b"1\nlarge\n2\n"


class FullDisk(io.BytesIO):
    def writelines(self, lines: object) -> None:
        raise OSError(28, "No space left on device")


def test_a_failed_write_is_fatal() -> None:
    """A full disk ends the replay with the reason."""
    with pytest.raises(Fatal, match="cannot be written: No space left on device"):
        EventWriter(FullDisk()).deliver([outcome(b"1")], "")


def test_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    """An input that is also the output is refused, by any of its paths; other outputs and `-` are accepted."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"1\n")
    for output in (file, tmp_path / "." / "a.jsonl"):
        with pytest.raises(UsageError, match="is both the output and an input"):
            check_output(str(output), ["-", str(file)])
    check_output(str(tmp_path / "new.jsonl"), [str(file)])
    check_output("-", [str(file), "-"])
