"""`reprise produce` before the broker: records, keys, rejected messages, progress and errors."""

import io
import json
from pathlib import Path

import pytest

from reprise.bootstrap import article_processor
from reprise.cli import main
from reprise.commands.produce import FileRecord, ProduceProgress, make_records
from reprise.commands.support.file_input import read_records
from reprise.commands.support.progress import ProgressDisplay
from reprise.commands.support.rate_limit import RateLimit
from reprise.messages.ids import article_id_of_url
from reprise.messages.urls import canonical_url
from reprise.settings import load
from tests.fake_clock import FakeClock

TEXT = "The swing bridge over the harbour will stay closed until spring, the council said on Monday."
URL = "https://www.paper.example/bridge?utm_source=feed"


def produce_file(path: Path, **environment: str) -> tuple[list[FileRecord], ProduceProgress, str]:
    """Return the records of a file, the progress and what it printed."""
    output = io.StringIO()
    settings = load(environment)
    progress = ProduceProgress(ProgressDisplay(output), "in", RateLimit())
    messages = read_records(settings, [str(path)])
    records = list(make_records(messages, "in", article_processor(settings).decode, progress))
    return records, progress, output.getvalue()


def test_the_key_is_the_article_id_and_the_value_is_unchanged(tmp_path: Path) -> None:
    """The id of the message, else of its canonical address: all crawls of a page are in one partition."""
    lines = [json.dumps({"id": "a-1", "text": TEXT}), json.dumps({"text": TEXT, "url": URL}, indent=None) + "  "]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    records, _, _ = produce_file(tmp_path / "a.jsonl")
    canonical = canonical_url(URL)
    assert canonical is not None
    assert [each.record.key for each in records] == [b"a-1", article_id_of_url(canonical).encode()]
    assert [each.record.value for each in records] == [line.encode() for line in lines]
    assert [each.position for each in records] == [f"{tmp_path}/a.jsonl:1", f"{tmp_path}/a.jsonl:2"]


def test_the_mapping_of_the_worker_finds_the_key(tmp_path: Path) -> None:
    """The value keeps the crawler's own shape, which the worker reads with the same settings."""
    (tmp_path / "a.csv").write_text(f"nr,body\n17,{TEXT.replace(',', '')}\n")
    records, _, _ = produce_file(tmp_path / "a.csv", REPRISE_INPUT_FIELDS="id=nr; text=body")
    assert [each.record.key for each in records] == [b"17"]
    assert json.loads(records[0].record.value or b"") == {"nr": "17", "body": TEXT.replace(",", "")}


def test_messages_that_the_worker_would_reject_are_printed_and_left_out(tmp_path: Path) -> None:
    """With their position and reason; the deletion of a row is skipped."""
    changes = [{"op": "c", "after": {"text": TEXT}}, {"op": "d", "before": {}}, {"op": "c", "after": {"a": 1}}]
    lines = [*map(json.dumps, changes), "nonsense"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    records, progress, printed = produce_file(tmp_path / "a.jsonl", REPRISE_INPUT_FORMAT="debezium")
    assert len(records) == 1
    assert f"{tmp_path}/a.jsonl:3: no_text: " in printed
    assert f"{tmp_path}/a.jsonl:4: not_json: " in printed
    progress.add(records, ())
    assert ", 2 rejected, 1 skipped" in progress.status()


def test_the_summary_has_the_rate_and_the_reasons(tmp_path: Path) -> None:
    """A record that the topic refuses is named with the setting that allows it."""
    clock, output = FakeClock(), io.StringIO()
    progress = ProduceProgress(ProgressDisplay(output), "in", RateLimit(), clock)
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": f"{TEXT} {n}"}) for n in range(101)))
    records, _, _ = produce_file(tmp_path / "a.jsonl")
    clock.now = 4.0
    progress.add(records, [7])
    progress.print_summary(interrupted=True)
    lines = output.getvalue().splitlines()
    assert lines == [
        f"reprise: {tmp_path}/a.jsonl:8: too_large_for_topic: raise max.message.bytes of the topic in",
        "reprise: wrote 100 messages to in in 4.0 s (25 a second), 1 rejected; rejected: 1 too_large_for_topic",
        f"reprise: the last message of the topic is {tmp_path}/a.jsonl:101",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-file"], "no-such-file: No such file or directory"),
        (["--rate", "nan", "."], "--rate: invalid value nan"),
        ([], "Missing argument 'FILE...'"),
    ],
)
def test_wrong_usage_is_reported_before_the_wait_for_a_broker(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2 and one line."""
    assert main(["produce", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"reprise: {message}")
