"""Files as a source and a sink."""

import gzip
import io
from pathlib import Path

import pytest

from reprise.errors import Fatal, UsageError
from reprise.model import CorruptRecord, DeadLetterReason, Message, Outcome, OutputRecord
from reprise.replay.files import EventWriter, FileSource


def read(source: FileSource) -> list[Message | CorruptRecord]:
    got: list[Message | CorruptRecord] = []
    while batch := source.poll(0.0):
        got += batch
    return got


class Ended:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def test_a_message_a_line(tmp_path: Path) -> None:
    """Lines become messages in order, named by file and line number; empty lines are none, a last line needs no end."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"a":1}\n\n  \r\n{"b":2}\r\n{"c":3}')
    got = read(FileSource([str(file)], ended=Ended()))
    assert [(m.topic, m.partition, m.offset, m.value) for m in got if isinstance(m, Message)] == [
        (str(file), 0, 1, b'{"a":1}'),
        (str(file), 0, 4, b'{"b":2}'),
        (str(file), 0, 5, b'{"c":3}'),
    ]


def test_files_follow_each_other_also_packed(tmp_path: Path) -> None:
    """Several files are one stream, and `.gz` is unpacked on the way."""
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(b"1\n2\n")
    packed.write_bytes(gzip.compress(b"3\n4\n"))
    got = read(FileSource([str(plain), str(packed)], ended=Ended(), batch_max=3))
    assert [m.value for m in got if isinstance(m, Message)] == [b"1", b"2", b"3", b"4"]


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name - reads standard input and leaves it open."""
    file = tmp_path / "in"
    file.write_bytes(b"1\n2\n")
    with file.open("rb") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        got = read(FileSource(["-"], ended=Ended()))
        assert not stdin.closed
    assert [(m.topic, m.offset) for m in got] == [("-", 1), ("-", 2)]


def test_the_end_is_told_by_the_poll_after_the_last_batch(tmp_path: Path) -> None:
    """The last batch can be delivered before anybody is asked to stop; an end while paused is not told."""
    file = tmp_path / "a"
    file.write_bytes(b"1\n2\n")
    ended = Ended()
    source = FileSource([str(file)], ended=ended)
    assert len(source.poll(0.0)) == 2
    source.pause()
    assert list(source.poll(0.0)) == []
    assert ended.times == 0
    source.resume()
    assert list(source.poll(0.0)) == []
    assert ended.times == 1
    source.close()


def test_an_endless_line_is_not_kept(tmp_path: Path) -> None:
    """Of a line past the limit just enough is kept to see that it is, and the next line is whole."""
    file = tmp_path / "a"
    file.write_bytes(b"x" * 1000 + b"\n" + b"y" * 10 + b"\n" + b"z" * 11 + b"\n" + b"end")
    got = read(FileSource([str(file)], ended=Ended(), max_line_bytes=10))
    assert [m.value for m in got if isinstance(m, Message)] == [b"x" * 11, b"y" * 10, b"z" * 11, b"end"]
    assert [m.offset for m in got] == [1, 2, 3, 4]


def test_files_that_are_not_there_are_all_named(tmp_path: Path) -> None:
    """A wrong call is told at once, a line a file."""
    with pytest.raises(UsageError) as caught:
        FileSource([str(tmp_path / "no"), str(tmp_path), "-"], ended=Ended())
    assert len(str(caught.value).splitlines()) == 2


def test_a_broken_archive_is_fatal(tmp_path: Path) -> None:
    """A packed file that is cut short is not taken for a short one."""
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"1\n" * 10_000)[:-20])
    with pytest.raises(Fatal, match=r"a\.gz cannot be read to its end"):
        read(FileSource([str(file)], ended=Ended()))


def outcome(value: bytes, reason: DeadLetterReason | None = None) -> Outcome:
    message = Message(topic="raw", partition=0, offset=1, key=None, value=b"{}")
    record = OutputRecord(topic="t", key=b"k", value=value, headers=())
    return Outcome(message=message, records=(lambda: record,), reasons=(reason,))


def test_events_are_lines_and_dead_letters_are_not() -> None:
    """Events are written in order, one a line; dead letters are left out, and delivered all the same."""
    output = io.BytesIO()
    writer = EventWriter(output)
    outcomes = [outcome(b"1"), outcome(b"2", DeadLetterReason.NOT_JSON), outcome(b"3")]
    assert writer.deliver(outcomes, "") == [(each, 0) for each in outcomes]
    assert output.getvalue() == b"1\n3\n"
    writer.close()
    assert not output.closed


class Full(io.BytesIO):
    def writelines(self, lines: object) -> None:
        raise OSError(28, "No space left on device")


def test_an_output_that_is_full_is_fatal() -> None:
    """A disk without space ends the replay with a line that says so."""
    with pytest.raises(Fatal, match="cannot be written: No space left on device"):
        EventWriter(Full()).deliver([outcome(b"1")], "")
