"""`reprise generate` as its user runs it: how long it goes on, how it ends, and what it says."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import wait_until, worker_environment

COMMAND = [sys.executable, "-m", "reprise.cli", "generate", "--words", "40", "--sites", "20"]


def test_a_reader_that_leaves_ends_it_without_a_word() -> None:
    """`reprise generate --endless | head` ends with exit code 1, as a replay does, and says nothing."""
    with subprocess.Popen([*COMMAND, "--endless"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["kind"] == "founder"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("options", "code"), [(["--endless"], 0), (["--count", "1000000"], 1)])
def test_a_signal_ends_it_behind_a_whole_line(
    tmp_path: Path, number: signal.Signals, options: list[str], code: int
) -> None:
    """It is the regular end of an endless crawl, and cuts one short that was to have another; no line is torn."""
    output = tmp_path / "out.jsonl"
    arguments = [*COMMAND, *options, "--rate", "2000", "--output", str(output)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, env=worker_environment({})) as process:
        wait_until(lambda: output.exists() and output.stat().st_size > 0, 30, "the first articles")
        process.send_signal(number)
        assert process.stderr is not None
        told = process.stderr.read().decode()
        assert process.wait(timeout=30) == code
    lines = output.read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"}\n") for line in lines)
    assert told.startswith(f"reprise: generated {len(lines):,} messages in ")
    assert told.endswith("reprise: interrupted\n") == bool(code)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_waits_for_a_slow_reader(unbuffered: str) -> None:
    """A batch that stands in a full pipe is finished when it is read at last, whatever Python's buffers are."""
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen([*COMMAND, "--endless"], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        first = os.read(process.stdout.fileno(), 1)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)  # a batch is more than a pipe holds
        assert (first + process.stdout.read()).endswith(b"}\n")
        assert process.wait(timeout=30) == 0


def test_a_second_signal_waits_for_nobody() -> None:
    """Where nobody reads what it writes, and the first one waits for that, the second ends it."""
    with subprocess.Popen([*COMMAND, "--endless"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert os.read(process.stdout.fileno(), 1) == b"{"
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)

        def sent_again() -> bool:
            process.send_signal(signal.SIGINT)
            return process.poll() is not None

        wait_until(sent_again, 30, "the end")
        assert process.returncode == -signal.SIGINT


@pytest.mark.parametrize("names", [("a.jsonl", "a.jsonl"), ("-", "-")])
def test_labels_need_a_file_of_their_own(tmp_path: Path, names: tuple[str, str]) -> None:
    """Both in one file would be torn lines."""
    output, gold = (name if name == "-" else str(tmp_path / name) for name in names)
    arguments = [*COMMAND, "--count", "5", "--output", output, "--gold", gold]
    done = subprocess.run(arguments, capture_output=True, env=worker_environment({}), timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--gold and --output" in done.stderr
    assert list(tmp_path.iterdir()) == []
