"""FileSource: messages from JSON-lines files."""

import gzip
from pathlib import Path

import pytest

from reprise.errors import Fatal, UsageError
from reprise.model import CorruptRecord, Message
from reprise.replay.file_source import FileSource


def read_all(source: FileSource) -> list[Message | CorruptRecord]:
    messages: list[Message | CorruptRecord] = []
    while batch := source.poll(0.0):
        messages += batch
    return messages


class CallCounter:
    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1


def open_source(*paths: Path | str, batch_max: int = 100, max_line_bytes: int = 1_000) -> FileSource:
    names = [str(path) for path in paths]
    return FileSource(names, on_end=CallCounter(), batch_max=batch_max, max_line_bytes=max_line_bytes)


def test_each_line_is_a_message(tmp_path: Path) -> None:
    """Messages come in file order, with path and line number; blank lines are skipped, the last needs no line end."""
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"a":1}\n\n  \r\n{"b":2}\r\n{"c":3}')
    messages = read_all(open_source(file))
    assert [(m.topic, m.partition, m.offset, m.value) for m in messages if isinstance(m, Message)] == [
        (str(file), 0, 1, b'{"a":1}'),
        (str(file), 0, 4, b'{"b":2}'),
        (str(file), 0, 5, b'{"c":3}'),
    ]


@pytest.mark.parametrize("name", ["a.json", "a.JSON", "a.json.gz"])
def test_the_items_of_a_json_array_are_messages(name: str, tmp_path: Path) -> None:
    """Crawlers and APIs write lists of articles; an item that is too long keeps one byte more than the limit."""
    content = b'\xef\xbb\xbf[\n  {"a": 1},\n  null,\n  {"b": "%s"}\n]\n' % (b"x" * 2_000)
    file = tmp_path / name
    file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    first, second, third = read_all(open_source(file))
    assert isinstance(first, Message)
    assert isinstance(third, Message)
    assert (first.topic, first.offset, first.value) == (str(file), 1, b'{"a":1}')
    assert (second.offset, third.offset) == (2, 3)
    assert third.value is not None
    assert len(third.value) == 1_001


def test_a_json_file_may_hold_one_object_or_lines(tmp_path: Path) -> None:
    """An object may be on several lines. A file that is no single JSON value is read as lines."""
    one, lines = tmp_path / "one.json", tmp_path / "lines.json"
    one.write_bytes(b'{\n  "a": 1\n}\n')
    lines.write_bytes(b'{"a":1}\n{"b":2}\n')
    messages = read_all(open_source(one, lines))
    assert [m.value for m in messages if isinstance(m, Message)] == [b'{"a":1}', b'{"a":1}', b'{"b":2}']


def test_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    """Several files form one stream, and a `.gz` file is decompressed."""
    plain, compressed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(b"1\n2\n")
    compressed.write_bytes(gzip.compress(b"3\n4\n"))
    messages = read_all(open_source(plain, compressed, batch_max=3))
    assert [m.value for m in messages if isinstance(m, Message)] == [b"1", b"2", b"3", b"4"]


def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path - reads standard input and leaves it open."""
    file = tmp_path / "in"
    file.write_bytes(b"1\n2\n")
    with file.open("rb") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        messages = read_all(open_source("-"))
        assert not stdin.closed
    assert [(m.topic, m.offset) for m in messages] == [("-", 1), ("-", 2)]


def test_on_end_is_called_by_the_poll_after_the_last_batch(tmp_path: Path) -> None:
    """The last batch can be delivered before the stop request; a paused source does not call on_end."""
    file = tmp_path / "a"
    file.write_bytes(b"1\n2\n")
    on_end = CallCounter()
    source = FileSource([str(file)], on_end=on_end, batch_max=100, max_line_bytes=1_000)
    assert len(source.poll(0.0)) == 2
    source.pause()
    assert list(source.poll(0.0)) == []
    assert on_end.calls == 0
    source.resume()
    assert list(source.poll(0.0)) == []
    assert on_end.calls == 1
    source.close()


def test_a_line_beyond_the_limit_is_truncated(tmp_path: Path) -> None:
    """One byte more than the limit is kept of a long line, and the next line is complete."""
    file = tmp_path / "a"
    file.write_bytes(b"x" * 1000 + b"\n" + b"y" * 10 + b"\n" + b"z" * 11 + b"\n" + b"end")
    messages = read_all(open_source(file, max_line_bytes=10))
    assert [m.value for m in messages if isinstance(m, Message)] == [b"x" * 11, b"y" * 10, b"z" * 11, b"end"]
    assert [m.offset for m in messages] == [1, 2, 3, 4]


def test_every_unreadable_file_is_reported(tmp_path: Path) -> None:
    """The error has a line for each file that cannot be opened."""
    with pytest.raises(UsageError) as caught:
        open_source(tmp_path / "no", tmp_path, "-")
    assert len(str(caught.value).splitlines()) == 2


def test_a_truncated_gzip_file_is_fatal(tmp_path: Path) -> None:
    """The messages of a truncated file are not accepted as the whole file."""
    file = tmp_path / "a.gz"
    file.write_bytes(gzip.compress(b"1\n" * 10_000)[:-20])
    with pytest.raises(Fatal, match=r"a\.gz cannot be read to its end"):
        read_all(open_source(file))
