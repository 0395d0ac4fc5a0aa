"""`reprise explain` as a process."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import reprise
from tests.support import worker_environment
from tests.unit.explanation.test_analysis import MENU, RIVER, TEACHER
from tests.unit.explanation.test_reports import checked

SAMPLE = Path(reprise.__file__).parent / "sample" / "crawl.jsonl"


def explain(*arguments: str) -> "tuple[int, str, str]":
    """Run the command; return its exit code, standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "reprise.cli", "explain", *arguments],
        env=worker_environment({"PYTHONUTF8": "1"}),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_two_files_are_explained(tmp_path: Path) -> None:
    """Text, HTML and JSON files are decoded; --html writes a page; an output that is piped has no colours."""
    (tmp_path / "a.txt").write_text(f"\ufeff{MENU}{RIVER}", encoding="utf-8")
    (tmp_path / "b.html").write_text(f"<html><body><p>{RIVER}</p><p>{TEACHER}</p></body></html>", encoding="utf-8")
    (tmp_path / "c.json").write_text(json.dumps({"id": "see", "text": RIVER, "source": "s.example"}), encoding="utf-8")
    names = {name: str(tmp_path / name) for name in ("a.txt", "b.html", "c.json", "page.html")}
    code, output, errors = explain(names["a.txt"], names["b.html"], "--html", names["page.html"])
    assert code == 0, errors
    assert "variant of A" in output
    assert "\x1b" not in output
    assert "[1|" in output
    assert checked(Path(names["page.html"]).read_text(encoding="utf-8")).tags
    code, output, errors = explain(names["a.txt"], names["c.json"], "--source", "s.example")
    assert code == 0, errors
    assert "exact variant" in output
    assert "same source" in output


def test_two_ids_of_a_file_are_explained() -> None:
    """Articles are found by their ids; one id given twice selects its first and its last crawl."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    ids = [row["id"] for row in rows if "id" in row]
    repeated = next(article_id for article_id in ids if ids.count(article_id) > 1)
    code, output, errors = explain("--in", str(SAMPLE), repeated, repeated)
    assert code == 0, errors
    assert "B is a" in output
    code, _, errors = explain("--in", str(SAMPLE), ids[0], "unknown")
    assert (code, errors) == (2, f"reprise: {SAMPLE}: no valid article has the id 'unknown'\n")


@pytest.mark.parametrize(
    ("content", "code", "error"),
    [
        (None, 2, "No such file or directory"),
        (b"\xff\xfe", 2, "it is not UTF-8 (invalid start byte at byte 0)"),
        (b"  ", 2, "no_text: text and html are blank"),
    ],
)
def test_an_invalid_file_is_reported_in_one_line(tmp_path: Path, content: bytes | None, code: int, error: str) -> None:
    """A missing file, a file that is not UTF-8 and a blank file are errors."""
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_bytes(content)
    exit_code, output, errors = explain(str(path), str(path))
    assert (exit_code, output) == (code, "")
    assert errors.startswith(f"reprise: {path}: ")
    assert error in errors
    assert len(errors.splitlines()) == 1


def test_a_terminal_shows_colours(tmp_path: Path) -> None:
    """On a terminal shared passages are coloured; with NO_COLOR they are in brackets."""
    for name, text in (("a", RIVER), ("b", f"{TEACHER}\n{RIVER}")):
        (tmp_path / name).write_text(text)
    for extra, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        leading, following = pty.openpty()
        environment = worker_environment({"TERM": "xterm-256color", "COLUMNS": "100", **extra})
        environment.pop("NO_COLOR", None) if coloured else None
        process = subprocess.Popen(
            [sys.executable, "-m", "reprise.cli", "explain", str(tmp_path / "a"), str(tmp_path / "b")],
            env=environment,
            stdout=following,
        )
        os.close(following)
        output = b""
        try:
            while chunk := os.read(leading, 65536):
                output += chunk
        except OSError:  # the terminal is closed with its last process
            pass
        os.close(leading)
        assert process.wait(timeout=60) == 0
        assert (b"\x1b[30;43m" in output or b"\x1b[30;46m" in output) == coloured
        assert (b"[1|" in output) != coloured
