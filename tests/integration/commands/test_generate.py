"""`reprise generate`: its options, its end, and its status lines."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import wait_until, worker_environment

COMMAND = [sys.executable, "-m", "reprise.cli", "generate", "--words", "40", "--sites", "20"]


def test_a_closed_pipe_ends_the_command_silently() -> None:
    """`reprise generate --endless | head` exits with 1 and prints no error."""
    with subprocess.Popen([*COMMAND, "--endless"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["kind"] == "founder"
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("options", "code"), [(["--endless"], 0), (["--count", "1000000"], 1)])
def test_a_signal_ends_the_command_after_a_whole_line(
    tmp_path: Path, number: signal.Signals, options: list[str], code: int
) -> None:
    """A signal ends an endless crawl with exit code 0 and any other with 1; no line is incomplete."""
    output = tmp_path / "out.jsonl"
    arguments = [*COMMAND, *options, "--rate", "2000", "--output", str(output)]
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, env=worker_environment({})) as process:
        wait_until(lambda: output.exists() and output.stat().st_size > 0, 30, "the first articles")
        process.send_signal(number)
        assert process.stderr is not None
        printed = process.stderr.read().decode()
        assert process.wait(timeout=30) == code
    lines = output.read_bytes().splitlines(keepends=True)
    assert all(line.endswith(b"}\n") for line in lines)
    assert printed.startswith(f"reprise: generated {len(lines):,} messages in ")
    assert printed.endswith("reprise: interrupted\n") == bool(code)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_waits_for_a_slow_reader(unbuffered: str) -> None:
    """A batch in a full pipe is finished when it is read, with and without buffers in Python."""
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen([*COMMAND, "--endless"], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        first = os.read(process.stdout.fileno(), 1)
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)  # a batch is more than a pipe holds
        assert (first + process.stdout.read()).endswith(b"}\n")
        assert process.wait(timeout=30) == 0


def test_a_second_signal_ends_the_command_at_once() -> None:
    """If the output is not read, the first signal waits for the batch and the second ends the process."""
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
def test_gold_and_output_must_differ(tmp_path: Path, names: tuple[str, str]) -> None:
    """Articles and labels in one file would overwrite each other; nothing is written."""
    output, gold = (name if name == "-" else str(tmp_path / name) for name in names)
    arguments = [*COMMAND, "--count", "5", "--output", output, "--gold", gold]
    done = subprocess.run(arguments, capture_output=True, env=worker_environment({}), timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--gold and --output" in done.stderr
    assert list(tmp_path.iterdir()) == []
