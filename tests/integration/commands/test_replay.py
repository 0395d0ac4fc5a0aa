"""`reprise replay` as a process, with the embedded server or a given Redis."""

import gzip
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from redis import Redis

from deploy.local.stack import wait_until
from tests.support import worker_environment

pytestmark = pytest.mark.redis

COMMAND = [sys.executable, "-m", "reprise.cli", "replay"]

PROSE = (
    "The harbour authority said on Monday that the old lighthouse at the northern mole would be repaired in summer, "
    "after storms had torn away a part of its gallery and left the lamp without shelter from the sea. "
    "Divers found that the foundation is sound, and the engineers now expect the work to take eleven weeks in all, "
    "paid for by the port and by a collection among the fishermen of the three villages along the bay."
)
OTHER = (
    "A library in the valley has lent out its ten thousandth garden tool this spring, a spade for a school class, "
    "and the librarians say that seeds and ladders are asked for far more often than novels have been in any year. "
    "The idea came from two retired teachers, who began with a wheelbarrow and a list on the reading room's door."
)


def replay(
    tmp_path: Path, arguments: Sequence[str], settings: Mapping[str, str] | None = None, stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    """Run the command, and check that it removes its temporary files."""
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = worker_environment({**(settings or {}), "TMPDIR": str(temporary)})
    run = subprocess.run(
        [*COMMAND, *arguments], input=stdin, env=environment, capture_output=True, check=False, timeout=60
    )
    temporary.rmdir()  # fails if it is not empty
    return run


def to_lines(*articles: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps(article).encode() + b"\n" for article in articles)


TITLES = ("Mayor resigns over budget", "Flood closes schools", "Nurses win higher wages", "Stadium plan approved")
A = {"id": "a", "source": "one.example", "text": PROSE}
B = {"id": "b", "source": "two.example", "text": OTHER}
A_AGAIN = {"id": "c", "source": "three.example", "text": PROSE}


def test_events_are_in_input_order(tmp_path: Path) -> None:
    """Each article of each file, compressed ones too, is one event; a dead letter is reported by file and line."""
    (tmp_path / "first.jsonl").write_bytes(to_lines(A) + b"\n{broken\n" + to_lines(B))
    (tmp_path / "second.jsonl.gz").write_bytes(gzip.compress(to_lines(A_AGAIN)))
    output = tmp_path / "events.jsonl"
    run = replay(tmp_path, [*(str(tmp_path / n) for n in ("first.jsonl", "second.jsonl.gz")), "--output", str(output)])
    assert run.returncode == 0, run.stderr
    events = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert [(event["article"]["id"], event["type"], event.get("kind")) for event in events] == [
        ("a", "story.new", None),
        ("b", "story.new", None),
        ("c", "story.variant", "exact"),
    ]
    assert events[2]["story_id"] == events[0]["story_id"]
    printed = run.stderr.decode().splitlines()
    assert printed[0].startswith(f"reprise: {tmp_path / 'first.jsonl'}:3: not_json: ")
    assert printed[-1].startswith("reprise: 4 messages: 2 new, 1 variants, 1 dead in ")
    assert printed[-1].endswith("; variants: 1 exact; dead letters: 1 not_json")
    assert run.stdout == b""


def test_a_page_without_an_article_is_reported_by_file_and_line(tmp_path: Path) -> None:
    """It has no event. The summary counts it apart from the messages that cannot be read."""
    notice = "Please confirm that you are not a robot. Request 7f3a{}c9 was blocked until scripts run."
    pages = [
        {"url": f"https://paper.example/news/story-{number}", "title": TITLES[number], "text": notice.format(number)}
        for number in range(4)
    ]
    article = {"url": "https://paper.example/news/story-3", "title": TITLES[3], "text": PROSE}
    (tmp_path / "crawl.jsonl").write_bytes(to_lines(*pages, article, A))
    run = replay(tmp_path, [str(tmp_path / "crawl.jsonl")])
    assert run.returncode == 0, run.stderr
    events = [json.loads(line) for line in run.stdout.splitlines()]
    assert [event["type"] for event in events] == ["story.new"] * 3 + ["story.variant"]
    assert len({event["story_id"] for event in events}) == 3
    assert events[3]["story_id"] == events[2]["story_id"]
    printed = run.stderr.decode().splitlines()
    for line in (3, 4):
        assert printed[line - 3].startswith(f"reprise: {tmp_path / 'crawl.jsonl'}:{line}: no_article: ")
    assert printed[-1].startswith("reprise: 6 messages: 3 new, 1 variants, 2 no article, 0 dead in ")


def test_standard_input_to_standard_output(tmp_path: Path) -> None:
    """In a pipe, standard output has the events alone; everything else goes to standard error."""
    run = replay(tmp_path, ["-"], stdin=to_lines(A, B))
    assert run.returncode == 0, run.stderr
    assert [json.loads(line)["article"]["id"] for line in run.stdout.splitlines()] == ["a", "b"]


def test_source_applies_to_articles_without_one(tmp_path: Path) -> None:
    """--source does not replace the source that an article names."""
    run = replay(tmp_path, ["-", "--source", "given.example"], stdin=to_lines(A, {"id": "n", "text": OTHER}))
    assert [json.loads(line)["article"]["source"] for line in run.stdout.splitlines()] == [
        "one.example",
        "given.example",
    ]


def test_a_given_redis_keeps_the_decisions(tmp_path: Path, redis_url: str, namespace: str) -> None:
    """A second replay into the same Redis writes the same events, byte for byte."""
    settings = {"REPRISE_NAMESPACE": namespace}
    first = replay(tmp_path, ["-", "--redis-url", redis_url], settings, stdin=to_lines(A, B, A_AGAIN))
    second = replay(tmp_path, ["-", "--redis-url", redis_url], settings, stdin=to_lines(A, B, A_AGAIN))
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout != b""
    assert b"3 replayed" in second.stderr


def test_the_redis_settings_of_a_worker_are_ignored(tmp_path: Path) -> None:
    """A replay in a worker's environment does not use the worker's index."""
    settings = {
        "REPRISE_REDIS_URL": "rediss://production:1",
        "REPRISE_REDIS_PASSWORD": "hunter2",
        "REPRISE_REDIS_CLUSTER": "true",
    }
    run = replay(tmp_path, ["-"], settings, stdin=to_lines(A))
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "errors"),
    [
        ([], {}, 2, ["reprise: Missing argument 'FILE...'. See 'reprise replay --help'."]),
        (["no.jsonl", "no.gz"], {}, 2, ["reprise: no.jsonl: No such file", "reprise: no.gz: No such file"]),
        (["-"], {"REPRISE_WINDOW_SECONDS": "0"}, 2, ["reprise: REPRISE_WINDOW_SECONDS: invalid value '0'; allowed: "]),
        (["-", "--redis-url", "http://x"], {}, 2, ["reprise: REPRISE_REDIS_URL: invalid value; allowed: "]),
        (["-", "--redis-url", "redis://localhost:1"], {}, 1, ["reprise: "]),
        (["-", "--output", "/no/such/events"], {}, 1, ["reprise: /no/such/events: No such file or directory"]),
    ],
)
def test_an_error_is_reported_in_one_line(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], code: int, errors: list[str]
) -> None:
    """Wrong usage exits with 2, any other error with 1, without a traceback."""
    run = replay(tmp_path, arguments, settings)
    assert run.returncode == code
    lines = run.stderr.decode().splitlines()
    assert len(lines) == len(errors), lines
    assert all(line.startswith(error) for line, error in zip(lines, errors, strict=True)), lines
    assert run.stdout == b""


def test_an_error_does_not_empty_the_output(tmp_path: Path) -> None:
    """An output that is also an input is rejected; with a missing input, the output keeps its content."""
    kept = tmp_path / "kept.jsonl"
    kept.write_text('{"text": "precious"}\n')
    same = replay(tmp_path, [str(kept), "--output", str(tmp_path / "." / "kept.jsonl")])
    missing = replay(tmp_path, [str(tmp_path / "missing.jsonl"), "--output", str(kept)])
    assert (same.returncode, missing.returncode) == (2, 2)
    assert b"is both the output and an input" in same.stderr
    assert kept.read_text() == '{"text": "precious"}\n'


def test_a_closed_pipe_ends_the_command_silently(tmp_path: Path) -> None:
    """`reprise replay ... | head` exits with 1; neither the command nor the interpreter prints an error."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    environment = worker_environment({"TMPDIR": str(tmp_path)})
    with os.fdopen(write_end, "wb") as closed:
        run = subprocess.run(
            [*COMMAND, "-"],
            input=to_lines(A),
            env=environment,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (run.returncode, run.stderr) == (1, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_embedded_server(tmp_path: Path, number: signal.Signals) -> None:
    """After each signal the server and its directory are gone, and the events so far are written."""
    output = tmp_path / "events.jsonl"
    temporary = Path(tempfile.mkdtemp())  # shorter than tmp_path: a Unix socket's path has at most 107 bytes
    environment = worker_environment({"TMPDIR": str(temporary), "REPRISE_BATCH_MAX_ARTICLES": "1"})
    process = subprocess.Popen(
        [*COMMAND, "-", "--output", str(output)], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdin is not None
        process.stdin.write(to_lines(A))
        process.stdin.flush()
        wait_until(lambda: output.exists() and output.stat().st_size > 0, 30, "the first event")
        (socket,) = temporary.glob("*/valkey.sock")
        server = Redis(unix_socket_path=str(socket)).info("server")["process_id"]
        process.send_signal(number)
        assert process.wait(timeout=30) == 1
        assert process.stderr is not None
        assert process.stderr.read().decode().strip() == "reprise: interrupted"
    finally:
        process.kill()
        process.communicate()
    temporary.rmdir()  # fails if it is not empty
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    assert len(output.read_bytes().splitlines()) == 1
