"""`reprise produce` with a real Kafka: records, rate, signals, and messages beyond the topic's limit."""

import csv
import gzip
import json
import signal
import subprocess
from pathlib import Path

from kafka.admin import ConfigResource, ConfigResourceType

from tests.e2e.sandbox import Sandbox
from tests.e2e.worker_state import DELIVERY_SECONDS, READY_SECONDS
from tests.support import reprise_command, wait_until, worker_environment
from tests.unit.replay.test_files import PAGE, PROSE, RSS, URL, write_warc


def run_produce(sandbox: Sandbox, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*reprise_command(), "produce", *arguments],
        env=worker_environment(sandbox.settings(**changes)),
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )


def write_lines(path: Path, count: int, padding: int = 0) -> None:
    lines = (json.dumps({"id": f"a{n}", "text": PROSE + "x" * padding}) for n in range(count))
    path.write_bytes(gzip.compress("\n".join(lines).encode()))


def test_articles_of_every_kind_of_file_reach_the_topic(sandbox: Sandbox, tmp_path: Path) -> None:
    """In the order of the files, keyed by article id; a worker decides them as `reprise replay` does."""
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", "text"], ["row", PROSE]])
    (tmp_path / "b.rss").write_text(RSS)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "page.html").write_text(PAGE)
    (tmp_path / "pages" / "list.jsonl").write_text('{"id": "line", "text": "One."}\nnonsense\n')
    write_warc(tmp_path / "c.warc.gz")
    files = [str(tmp_path / name) for name in ("a.csv", "b.rss", "pages", "c.warc.gz")]
    run = run_produce(sandbox, *files)
    assert run.returncode == 0, run.stderr
    assert f"{tmp_path}/pages/list.jsonl:2: not_json: " in run.stderr
    assert f"wrote 7 messages to {sandbox.topics.articles} in " in run.stderr
    assert ", 1 rejected; rejected: 1 not_json" in run.stderr.splitlines()[-1]
    messages = sandbox.read(sandbox.topics.articles)
    bodies = [json.loads(message.value or b"") for message in messages]
    assert [body.get("url") for body in bodies] == [None, URL, f"{URL}/2", None, URL, URL, f"{URL}/2"]
    assert [message.key for message in messages[:2]] == [b"row", b"paper-17"]
    assert messages[4].key == messages[5].key  # one page, from a file and from an archive


def test_a_rate_and_a_signal(sandbox: Sandbox, tmp_path: Path) -> None:
    """The rate holds, and an interrupted run names the last message that the topic has."""
    write_lines(tmp_path / "a.jsonl.gz", 5_000)
    arguments = [*reprise_command(), "produce", "--rate", "100", str(tmp_path / "a.jsonl.gz")]
    environment = worker_environment(sandbox.settings())

    def count() -> int:
        return sum(sandbox.end_offsets(sandbox.topics.articles).values())

    with subprocess.Popen(arguments, stderr=subprocess.PIPE, env=environment, text=True) as process:
        wait_until(lambda: count() >= 50, DELIVERY_SECONDS, "the first messages")
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        *_, last, interrupted = process.stderr.read().splitlines()
        assert process.wait(timeout=READY_SECONDS) == 1
    assert interrupted == "reprise: interrupted"
    assert last == f"reprise: the last message of the topic is {tmp_path}/a.jsonl.gz:{count()}"
    assert count() < 2_000


def test_a_message_beyond_the_limit_of_the_topic_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    """The messages beside it are written."""
    resource = ConfigResource(ConfigResourceType.TOPIC, sandbox.topics.articles, {"max.message.bytes": "20000"})
    sandbox.admin.alter_configs([resource])
    # The topic's limit counts the compressed batch: random text does not compress.
    noise = Path("/dev/urandom").open("rb").read(40_000).hex()  # noqa: SIM115
    lines = [{"id": "a", "text": PROSE}, {"id": "b", "text": noise}, {"id": "c", "text": PROSE}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
    run = run_produce(sandbox, str(tmp_path / "a.jsonl"))
    assert run.returncode == 0, run.stderr
    assert (
        f"a.jsonl:2: too_large_for_topic: raise max.message.bytes of the topic {sandbox.topics.articles}" in run.stderr
    )
    assert {message.key for message in sandbox.read(sandbox.topics.articles)} == {b"a", b"c"}


def test_a_message_of_several_megabytes_reaches_a_topic_that_takes_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """The client's own limit of 1 MB does not apply: the worker reads up to REPRISE_MAX_MESSAGE_BYTES."""
    resource = ConfigResource(ConfigResourceType.TOPIC, sandbox.topics.articles, {"max.message.bytes": "5000000"})
    sandbox.admin.alter_configs([resource])
    with Path("/dev/urandom").open("rb") as random:
        page = f"<html><body><p>{PROSE}</p><!-- {random.read(1_500_000).hex()} --></body></html>"
    (tmp_path / "a.html").write_text(page)
    run = run_produce(sandbox, str(tmp_path / "a.html"))
    assert run.returncode == 0, run.stderr
    (message,) = sandbox.read(sandbox.topics.articles)
    assert len(message.value or b"") > 3_000_000


def test_no_article_is_an_error_that_names_the_next_step(sandbox: Sandbox, tmp_path: Path) -> None:
    """A file of another format does not end as a success."""
    (tmp_path / "a.jsonl").write_text('{"maintext": "x"}\n')
    run = run_produce(sandbox, str(tmp_path / "a.jsonl"))
    assert run.returncode == 1
    assert run.stderr.splitlines()[-2:] == [
        "reprise: `reprise input check FILE` finds the REPRISE_INPUT_FORMAT of your crawler",
        "reprise: no message was written",
    ]
