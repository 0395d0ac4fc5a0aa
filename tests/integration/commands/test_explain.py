"""`reprise explain` in a process of its own, as its user runs it."""

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


def run(*arguments: str) -> "tuple[int, str, str]":
    done = subprocess.run(
        [sys.executable, "-m", "reprise.cli", "explain", *arguments],
        env=worker_environment({"PYTHONUTF8": "1"}),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_two_files_are_explained_and_the_page_written(tmp_path: Path) -> None:
    """Text, HTML and JSON are read as the worker reads them; piped, the output has no colours."""
    (tmp_path / "a.txt").write_text(f"\ufeff{MENU}{RIVER}", encoding="utf-8")
    (tmp_path / "b.html").write_text(f"<html><body><p>{RIVER}</p><p>{TEACHER}</p></body></html>", encoding="utf-8")
    (tmp_path / "c.json").write_text(json.dumps({"id": "see", "text": RIVER, "source": "s.example"}), encoding="utf-8")
    names = {each: str(tmp_path / each) for each in ("a.txt", "b.html", "c.json", "page.html")}
    code, told, said = run(names["a.txt"], names["b.html"], "--html", names["page.html"])
    assert code == 0, said
    assert "variant of A" in told
    assert "\x1b" not in told
    assert "[1|" in told
    assert checked(Path(names["page.html"]).read_text(encoding="utf-8")).tags
    code, told, said = run(names["a.txt"], names["c.json"], "--source", "s.example")
    assert code == 0, said
    assert "exact variant" in told
    assert "one source" in told


def test_two_ids_of_a_file_are_explained() -> None:
    """Articles are found by the id they have, also one that was made of the URL; one id twice is two of its crawls."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    ids = [row["id"] for row in rows if "id" in row]
    again = next(each for each in ids if ids.count(each) > 1)
    code, told, said = run("--in", str(SAMPLE), again, again)
    assert code == 0, said
    assert "B is a" in told
    code, _, said = run("--in", str(SAMPLE), ids[0], "nobody")
    assert (code, said) == (2, f"reprise: {SAMPLE}: no article that can be read has the id 'nobody'\n")


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (None, 1, "No such file or directory"),
        (b"\xff\xfe", 2, "it is not UTF-8 (invalid start byte at byte 0)"),
        (b"  ", 2, "no_text: neither text nor html"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(tmp_path: Path, content: bytes | None, code: int, told: str) -> None:
    """A missing file, other bytes than UTF-8, and nothing in it."""
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_bytes(content)
    found, out, said = run(str(path), str(path))
    assert (found, out) == (code, "")
    assert said.startswith(f"reprise: {path}: ")
    assert told in said
    assert len(said.splitlines()) == 1


def test_a_terminal_gets_colours(tmp_path: Path) -> None:
    """On a terminal the passages are coloured, and NO_COLOR puts the brackets back."""
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
        told = b""
        try:
            while chunk := os.read(leading, 65536):
                told += chunk
        except OSError:  # the terminal is closed with its last process
            pass
        os.close(leading)
        assert process.wait(timeout=60) == 0
        assert (b"\x1b[30;43m" in told or b"\x1b[30;46m" in told) == coloured
        assert (b"[1|" in told) != coloured
