"""`reprise replay` as its user runs it: a process of its own, on its embedded store."""

import gzip
import json
import os
import signal
import subprocess
import sys
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
    """Run it with its temporary files below `tmp_path`, and nothing may be left of them."""
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = worker_environment({**(settings or {}), "TMPDIR": str(temporary)})
    run = subprocess.run(
        [*COMMAND, *arguments], input=stdin, env=environment, capture_output=True, check=False, timeout=60
    )
    assert list(temporary.iterdir()) == []
    return run


def lines_of(*articles: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps(article).encode() + b"\n" for article in articles)


A = {"id": "a", "source": "one.example", "text": PROSE}
B = {"id": "b", "source": "two.example", "text": OTHER}
A_AGAIN = {"id": "c", "source": "three.example", "text": PROSE}


def test_events_come_out_in_the_order_of_the_input(tmp_path: Path) -> None:
    """One event a line for each article of each file, a packed one too; the dead are told of with file and line."""
    (tmp_path / "first.jsonl").write_bytes(lines_of(A) + b"\n{broken\n" + lines_of(B))
    (tmp_path / "second.jsonl.gz").write_bytes(gzip.compress(lines_of(A_AGAIN)))
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
    told = run.stderr.decode().splitlines()
    assert told[0].startswith(f"reprise: {tmp_path / 'first.jsonl'}:3: not_json: ")
    assert told[-1].startswith("reprise: 4 messages: 2 new, 1 variants, 1 dead in ")
    assert told[-1].endswith("; variants: 1 exact; dead letters: 1 not_json")
    assert run.stdout == b""


def test_standard_input_to_standard_output(tmp_path: Path) -> None:
    """Without files of its own it is a part of a pipe: events on standard output, all else on standard error."""
    run = replay(tmp_path, ["-"], stdin=lines_of(A, B))
    assert run.returncode == 0, run.stderr
    assert [json.loads(line)["article"]["id"] for line in run.stdout.splitlines()] == ["a", "b"]


def test_a_source_is_given_to_those_that_name_none(tmp_path: Path) -> None:
    """What an article says of itself wins."""
    run = replay(tmp_path, ["-", "--source", "given.example"], stdin=lines_of(A, {"id": "n", "text": OTHER}))
    assert [json.loads(line)["article"]["source"] for line in run.stdout.splitlines()] == [
        "one.example",
        "given.example",
    ]


def test_a_store_that_is_named_keeps_the_decisions(tmp_path: Path, redis_url: str, namespace: str) -> None:
    """A second replay into the same Redis gives the first one's events again, byte for byte."""
    settings = {"REPRISE_NAMESPACE": namespace}
    first = replay(tmp_path, ["-", "--redis-url", redis_url], settings, stdin=lines_of(A, B, A_AGAIN))
    second = replay(tmp_path, ["-", "--redis-url", redis_url], settings, stdin=lines_of(A, B, A_AGAIN))
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout != b""
    assert b"3 replayed" in second.stderr


def test_the_settings_of_another_redis_play_no_part(tmp_path: Path) -> None:
    """A worker's environment does not lead a replay into the worker's index."""
    settings = {
        "REPRISE_REDIS_URL": "rediss://production:1",
        "REPRISE_REDIS_PASSWORD": "hunter2",
        "REPRISE_REDIS_CLUSTER": "true",
    }
    run = replay(tmp_path, ["-"], settings, stdin=lines_of(A))
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "told"),
    [
        ([], {}, 2, ["reprise: Missing argument 'FILE...'. See 'reprise replay --help'."]),
        (["no.jsonl", "no.gz"], {}, 2, ["reprise: no.jsonl: No such file", "reprise: no.gz: No such file"]),
        (["-"], {"REPRISE_WINDOW_SECONDS": "0"}, 2, ["reprise: REPRISE_WINDOW_SECONDS: invalid value '0'; allowed: "]),
        (["-", "--redis-url", "http://x"], {}, 2, ["reprise: REPRISE_REDIS_URL: invalid value; allowed: "]),
        (["-", "--redis-url", "redis://localhost:1"], {}, 1, ["reprise: "]),
        (["-", "--output", "/no/such/events"], {}, 1, ["reprise: /no/such/events: No such file or directory"]),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    tmp_path: Path, arguments: list[str], settings: dict[str, str], code: int, told: list[str]
) -> None:
    """Wrong usage is 2, all else 1, without a traceback."""
    run = replay(tmp_path, arguments, settings)
    assert run.returncode == code
    found = run.stderr.decode().splitlines()
    assert len(found) == len(told), found
    assert all(line.startswith(start) for line, start in zip(found, told, strict=True)), found
    assert run.stdout == b""


def test_a_file_is_not_emptied_before_it_is_read(tmp_path: Path) -> None:
    """An output that is an input is refused, and one beside a missing input keeps what it held."""
    kept = tmp_path / "kept.jsonl"
    kept.write_text('{"text": "precious"}\n')
    same = replay(tmp_path, [str(kept), "--output", str(tmp_path / "." / "kept.jsonl")])
    missing = replay(tmp_path, [str(tmp_path / "missing.jsonl"), "--output", str(kept)])
    assert (same.returncode, missing.returncode) == (2, 2)
    assert b"is both the output and an input" in same.stderr
    assert kept.read_text() == '{"text": "precious"}\n'


def test_a_reader_that_leaves_ends_it_without_a_word(tmp_path: Path) -> None:
    """`reprise replay ... | head` ends with exit code 1 and no complaint, its own or the interpreter's."""
    reading, writing = os.pipe()
    os.close(reading)
    environment = worker_environment({"TMPDIR": str(tmp_path)})
    with os.fdopen(writing, "wb") as closed:
        run = subprocess.run(
            [*COMMAND, "-"],
            input=lines_of(A),
            env=environment,
            stdout=closed,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (run.returncode, run.stderr) == (1, b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_it_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    """However it is ended, its store is stopped and its directory gone, and what was decided is written."""
    output = tmp_path / "events.jsonl"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = worker_environment({"TMPDIR": str(temporary), "REPRISE_BATCH_MAX_ARTICLES": "1"})
    process = subprocess.Popen(
        [*COMMAND, "-", "--output", str(output)], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        assert process.stdin is not None
        process.stdin.write(lines_of(A))
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
    assert list(temporary.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(server, 0)
    assert len(output.read_bytes().splitlines()) == 1
