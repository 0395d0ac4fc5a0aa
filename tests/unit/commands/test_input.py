"""`reprise input check`: how the messages of a file are read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from reprise.cli import main
from tests.unit.messages.formats.tool_messages import TEXT, TOOL_MESSAGES, URL


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPRISE_INPUT_FORMAT", "REPRISE_INPUT_FIELDS"):
        monkeypatch.delenv(name, raising=False)


def write(folder: Path, messages: Sequence[Mapping[str, Any] | str]) -> str:
    path = folder / "crawl.jsonl"
    path.write_text("\n".join(each if isinstance(each, str) else json.dumps(each) for each in messages))
    return str(path)


def test_articles_are_shown_field_by_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was guessed and what was left out."""
    file = write(tmp_path, [{"text": TEXT, "source": URL, "lang": False, "crawled_at": 1_741_680_000}])
    assert main(["input", "check", file]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    shown = {name: value for name, value in lines if name != "left"}
    assert shown["text"].startswith(f"{len(TEXT)} characters: The swing bridge")
    assert shown["url"] == URL
    assert shown["source"] == "paper.example"
    assert shown["title"] == "-"
    assert shown["crawled_at"] == "2025-03-11T08:00:00.000Z"
    assert shown["guessed"] == "time_from_number, source_from_address, url_from_source"
    assert ["left", "out      lang"] in lines


def test_dead_letters_are_counted_and_the_best_format_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each reason with the line of its first message. If no message is an article, the exit code is 1."""
    file = write(tmp_path, ["{", *[TOOL_MESSAGES["news-please"]] * 3])
    assert main(["input", "check", file, "--show", "0"]) == 1
    output, errors = capsys.readouterr()
    assert "4 messages, 0 articles, 4 dead letters" in output
    assert "3 no_text, first message 2: text and html are blank; the fields are authors, date_download" in output
    assert "1 not_json, first message 1:" in output
    assert "REPRISE_INPUT_FORMAT=news-please fits better (3 of 3 messages)" in output
    assert errors == f"reprise: {file}: no message is an article\n"


def test_another_format_and_own_expressions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The options stand for the settings."""
    file = write(tmp_path, [TOOL_MESSAGES["news-please"]])
    assert main(["input", "check", file, "--format", "News-Please", "--fields", "title=filename"]) == 0
    output = capsys.readouterr().out
    assert "1 messages, 1 articles, 0 dead letters" in output
    assert "title         https%3A%2F%2Fwww.paper.example" in output
    assert "REPRISE_INPUT_FORMAT=news-please fits best (1 of 1 messages)" in output


def test_skipped_messages_are_no_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, [TOOL_MESSAGES["debezium"], {"op": "d", "before": {"id": 1}, "after": None}])
    assert main(["input", "check", file, "--format", "debezium"]) == 0
    assert "2 messages, 1 articles, 0 dead letters, 1 skipped" in capsys.readouterr().out


def test_the_report_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write(tmp_path, [{"text": f"<p>{TEXT}</p>", "url": [1]}, {"title": "T"}])
    assert main(["input", "check", file, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    (letter,) = report.pop("dead_letters")
    assert (letter["reason"], letter["count"], letter["line"]) == ("no_text", 1, 2)
    assert report == {
        "format": "reprise",
        "messages": 2,
        "articles": 1,
        "skipped": 0,
        "fields": {"id": 1, "text": 1},
        "left_out": {"url": 1},
        "guessed": {"markup_in_text": 1},
        "best_format": "reprise",
    }


def test_nothing_fits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The advice is to map the fields."""
    assert main(["input", "check", write(tmp_path, [{"corpo": TEXT}])]) == 1
    assert "map it with REPRISE_INPUT_FIELDS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--format", "news", "'news' is no input format; the formats are reprise, news-please"),
        ("--fields", "txt=a", "'txt' is no field of a message"),
        ("--fields", "text=a..b", "invalid JMESPath expression"),
    ],
)
def test_wrong_options(
    option: str, value: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error line says what is wrong and what is allowed."""
    assert main(["input", "check", write(tmp_path, [{"text": TEXT}]), option, value]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "; allowed: " in errors


def test_an_empty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["input", "check", write(tmp_path, [])]) == 1
    assert "no message\n" in capsys.readouterr().err
