"""The options of `reprise generate`, and its account of itself."""

import io
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from reprise.commands.generate import CrawlCounter, command, named_numbers
from reprise.commands.support.rate_limit import RateLimit
from reprise.commands.support.telling import LINE_SECONDS, Telling
from reprise.errors import UsageError
from reprise.model import DeadLetterReason
from reprise.synthetic import MalformedMessage

COMMAND = [sys.executable, "-m", "reprise.cli", "generate", "--words", "40", "--sites", "20"]


BROKEN = MalformedMessage(value=b"null", reason=DeadLetterReason.NOT_AN_OBJECT)


def made(tmp_path: Path, *arguments: str) -> list[dict[str, str]]:
    """Run it in this process and give its lines."""
    output = tmp_path / "out.jsonl"
    done = CliRunner().invoke(command, ["--words", "40", "--sites", "20", *arguments, "--output", str(output)])
    assert done.exit_code == 0, done.output or done.exception
    return [json.loads(line) for line in output.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ([], 1000),
        (["--count", "0"], 0),
        (["--rate", "2000", "--duration", "0.1"], 200),
        (["--rate", "2000", "--duration", "60", "--count", "30"], 30),
        (["--rate", "1000", "--duration", "1", "--burst", "times=5,seconds=1,every=1", "--count", "700"], 700),
    ],
)
def test_it_ends_where_it_is_asked_to(tmp_path: Path, arguments: list[str], messages: int) -> None:
    """By count, by a rate for a time, or by the nearer of both; 1,000 messages where nothing is said."""
    assert len(made(tmp_path, *arguments)) == messages


def test_kinds_and_languages_reach_the_crawl(tmp_path: Path) -> None:
    """The options of the command line are those of the crawl: only the kinds and languages named are there."""
    lines = made(tmp_path, "--kinds", "exact,revision=2", "--languages", "fr=3,zh", "--count", "400")
    assert {line["kind"] for line in lines} == {"founder", "exact", "revision"}
    assert {line["lang"] for line in lines} == {"fr", "zh"}


def test_languages_without_weights_are_what_they_were(tmp_path: Path) -> None:
    """A plain list leaves the shares to the sites, which is another crawl than equal weights."""
    assert made(tmp_path, "--languages", "en, de") == made(tmp_path, "--languages", "en,de")
    assert made(tmp_path, "--languages", "en,de") != made(tmp_path, "--languages", "en=1,de=1")


def test_broken_messages_are_labelled_apart(tmp_path: Path) -> None:
    """With --gold there is a label for each line, in its order; of a broken one why it is binned."""
    output, gold = tmp_path / "out.jsonl", tmp_path / "gold.jsonl"
    arguments = ["--count", "500", "--broken", "0.2", "--output", str(output), "--gold", str(gold)]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    written, labels = output.read_bytes().splitlines(), [json.loads(line) for line in gold.read_bytes().splitlines()]
    assert len(written) == len(labels) == 500
    assert 60 < sum("dead" in label for label in labels) < 140
    for line, label in zip(written, labels, strict=True):
        if "dead" not in label:
            assert json.loads(line)["id"] == label["id"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--endless", "--count", "1"], "--endless excludes"),
        (["--endless", "--duration", "1"], "--endless excludes"),
        (["--duration", "inf"], "--duration"),
        (["--output", "-", "--topic", "t"], "--output and --topic"),
        (["--rate", "nan"], "--rate"),
        (["--rate", "-1"], "--rate"),
        (["--burst", "times=2,seconds=1,every=9"], "--burst: needs a --rate"),
        (["--burst", "times=2", "--rate", "1"], "--burst: times=K,seconds=S,every=P"),
        (["--burst", "times=2,seconds=9,every=3", "--rate", "1"], "burst: seconds"),
        (["--kinds", "exact=1,copied=2"], "kinds must be among"),
        (["--kinds", "exact=half"], "--kinds: exact=half"),
    ],
)
def test_a_contradiction_is_refused(arguments: list[str], named: str) -> None:
    """What cannot be meant is wrong usage, in a line that names the option."""
    done = CliRunner().invoke(command, arguments)
    assert isinstance(done.exception, UsageError)
    assert named in str(done.exception)


@pytest.mark.parametrize("text", ["a=", "a=1,a=2", "=3", "a=-1", "a=1.5", "a b=1"])
def test_named_numbers_are_whole_and_come_once(text: str) -> None:
    """A name without its number, with half a one, or twice is refused."""
    with pytest.raises(UsageError, match="--kinds"):
        named_numbers("kinds", text)


def test_a_name_alone_has_one() -> None:
    """Spaces and a comma at the end mean nothing."""
    assert named_numbers("kinds", " a=5, b ,") == {"a": 5, "b": 1}


def test_the_account_says_how_fast_and_how_late_it_is() -> None:
    """Messages, broken ones, seconds, messages a second, and the time behind the rate once that is a second."""
    now = [10.0]
    account = CrawlCounter(RateLimit(rate=100), lambda: now[0])
    assert account.line() == "0 messages in 0.0 s (0 a second)"
    account.add([BROKEN] * 1500)
    now[0] = 25.9
    assert account.line() == "1,500 messages (1,500 broken) in 15.9 s (94 a second)"
    now[0] = 30.0
    assert account.line() == "1,500 messages (1,500 broken) in 20.0 s (75 a second), 5.0 s behind the rate"


def test_without_a_terminal_a_line_comes_now_and_then() -> None:
    """How far it is, is told when the last line is LINE_SECONDS ago, and anything else at once."""
    now, stream = [0.0], io.StringIO()
    with Telling(stream, lambda: now[0]) as telling:
        for tenth in range(int(LINE_SECONDS * 20) + 1):
            now[0] = tenth / 10
            telling.so_far(lambda: f"{now[0]:.1f}")
        telling.say("done")
    assert stream.getvalue() == "reprise: 5.0\nreprise: 10.0\nreprise: done\n"
