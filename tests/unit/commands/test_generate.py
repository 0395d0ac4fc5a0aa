"""The options and status lines of `reprise generate`."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from reprise.commands.generate import CrawlCounter, command, parse_weights
from reprise.commands.support.progress import LINE_INTERVAL_SECONDS, ProgressDisplay
from reprise.commands.support.rate_limit import RateLimit
from reprise.errors import UsageError
from reprise.model import DeadLetterReason
from reprise.synthetic import MalformedMessage
from tests.fake_clock import FakeClock

BROKEN = MalformedMessage(value=b"null", reason=DeadLetterReason.NOT_AN_OBJECT)


def generate(tmp_path: Path, *arguments: str) -> list[dict[str, str]]:
    """Run the command in this process and return its parsed lines."""
    output = tmp_path / "out.jsonl"
    result = CliRunner().invoke(command, ["--words", "40", "--sites", "20", *arguments, "--output", str(output)])
    assert result.exit_code == 0, result.output or result.exception
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
def test_count_and_duration_bound_the_crawl(tmp_path: Path, arguments: list[str], messages: int) -> None:
    """The crawl ends at --count or at the messages due within --duration, whichever is less; by default at 1,000."""
    assert len(generate(tmp_path, *arguments)) == messages


def test_kinds_and_languages_reach_the_crawl(tmp_path: Path) -> None:
    """The crawl has only the kinds and languages of the command line."""
    lines = generate(tmp_path, "--kinds", "exact,revision=2", "--languages", "fr=3,zh", "--count", "400")
    assert {line["kind"] for line in lines} == {"founder", "exact", "revision"}
    assert {line["lang"] for line in lines} == {"fr", "zh"}


def test_languages_without_weights_differ_from_equal_weights(tmp_path: Path) -> None:
    """A plain list assigns the languages to the sites, which is another crawl than equal weights."""
    assert generate(tmp_path, "--languages", "en, de") == generate(tmp_path, "--languages", "en,de")
    assert generate(tmp_path, "--languages", "en,de") != generate(tmp_path, "--languages", "en=1,de=1")


def test_gold_labels_malformed_messages(tmp_path: Path) -> None:
    """The label file has a line per message, in order; that of a malformed one has the dead-letter reason."""
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
    ("arguments", "message"),
    [
        (["--endless", "--count", "1"], "--endless excludes"),
        (["--endless", "--duration", "1"], "--endless excludes"),
        (["--duration", "inf"], "--duration"),
        (["--output", "-", "--topic", "t"], "--output and --topic"),
        (["--rate", "nan"], "--rate"),
        (["--rate", "-1"], "--rate"),
        (["--burst", "times=2,seconds=1,every=9"], "--burst: requires --rate"),
        (["--burst", "times=2", "--rate", "1"], "--burst: invalid value 'times=2'"),
        (["--burst", "times=2,seconds=9,every=3", "--rate", "1"], "burst: seconds"),
        (["--kinds", "exact=1,copied=2"], "kinds must be among"),
        (["--kinds", "exact=half"], "--kinds: invalid value 'exact=half'"),
    ],
)
def test_invalid_options_are_wrong_usage(arguments: list[str], message: str) -> None:
    """Options that conflict, and invalid values, are reported in a line that names the option."""
    result = CliRunner().invoke(command, arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)


@pytest.mark.parametrize("text", ["a=", "a=1,a=2", "=3", "a=-1", "a=1.5", "a b=1"])
def test_weights_are_integers_of_distinct_names(text: str) -> None:
    """A missing number, a fraction and a repeated name are errors."""
    with pytest.raises(UsageError, match="--kinds"):
        parse_weights("kinds", text)


def test_a_name_without_a_weight_has_1() -> None:
    """Spaces and a final comma are ignored."""
    assert parse_weights("kinds", " a=5, b ,") == {"a": 5, "b": 1}


def test_the_status_has_the_counts_the_rate_and_the_delay() -> None:
    """The delay behind the rate is part of the status from one second on."""
    clock = FakeClock(10.0)
    counter = CrawlCounter(RateLimit(rate=100), clock)
    assert counter.status() == "0 messages in 0.0 s (0 a second)"
    counter.add([BROKEN] * 1500)
    clock.now = 25.9
    assert counter.status() == "1,500 messages (1,500 broken) in 15.9 s (94 a second)"
    clock.now = 30.0
    assert counter.status() == "1,500 messages (1,500 broken) in 20.0 s (75 a second), 5.0 s behind the rate"


def test_without_a_terminal_the_status_is_printed_at_an_interval() -> None:
    """A status line follows the previous line after LINE_INTERVAL_SECONDS; other lines are printed at once."""
    clock, stream = FakeClock(), io.StringIO()
    display = ProgressDisplay(stream, clock)
    with display.spinner(lambda: f"{clock.now:.1f}"):
        for tenth in range(int(LINE_INTERVAL_SECONDS * 20) + 1):
            clock.now = tenth / 10
            display.refresh()
        display.print("done")
    assert stream.getvalue() == "reprise: 5.0\nreprise: 10.0\nreprise: done\n"


def test_a_bar_prints_its_count_at_an_interval_and_at_the_end() -> None:
    """Without a terminal, a step of known length prints how far it is, then its count and duration."""
    clock, stream = FakeClock(), io.StringIO()
    with ProgressDisplay(stream, clock).bar("reading", 4000) as advance:
        for second in (3.0, 6.0, 9.0):
            clock.now = second
            advance(1000)
    assert stream.getvalue() == "reprise: reading: 2,000 of 4,000 articles\nreprise: reading: 3,000 articles in 9.0 s\n"
