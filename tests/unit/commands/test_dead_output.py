"""The output of `reprise dead show`, and the options that select dead letters."""

from dataclasses import replace

import click
import pytest

from reprise.commands.support.dead_letter_filter import LetterFilter, PositionType, SinceType
from reprise.commands.support.dead_letter_output import LetterGroups, record_json, record_lines
from reprise.messages.dead_letters import RecordPosition, dead_letter_record, parse_dead_letter
from reprise.model import DeadLetterReason, Message, Rejection

POSITION = RecordPosition(topic="articles.dead", partition=2, offset=17)


def message(value: bytes | None, key: bytes | None = b"k") -> Message:
    original = Message(topic="articles.raw", partition=1, offset=5, key=key, value=value, headers=(("h", b"\x1b[31m"),))
    rejection = Rejection(reason=DeadLetterReason.NOT_JSON, detail="unexpected end")
    record = dead_letter_record("articles.dead", original, rejection, 1_700_000_000.0)
    return Message(
        topic=POSITION.topic,
        partition=POSITION.partition,
        offset=POSITION.offset,
        key=record.key,
        value=record.value,
        headers=record.headers,
        timestamp_ms=0,
    )


def test_a_record_cannot_control_the_terminal() -> None:
    """Control characters of headers, key and body are replaced; other bytes are escaped."""
    shown = message(b"\x1b]0;title\x07 \xff text", key=b"\x1b")
    lines = list(record_lines(shown, parse_dead_letter(shown)))
    assert not any("\x1b" in line or "\x07" in line for line in lines)
    assert lines[-1].endswith(r"\xff text")
    assert lines[:2] == ["position: articles.dead-2@17", "timestamp: 1970-01-01T00:00:00.000Z"]


def test_dead_letters_are_grouped_by_reason_and_detail() -> None:
    """A line per reason with its times, and under it the most frequent details with a position to show."""
    groups = LetterGroups()
    rejections = [("no_text", f"the fields are {name}") for name in ("a", "b", "b", "c", "d", "b")]
    for offset, (reason, detail) in enumerate([*rejections, ("not_json", "\x1bunexpected end")]):
        letter = parse_dead_letter(message(None))
        assert letter is not None
        position = replace(POSITION, offset=offset)
        groups.add(replace(letter, position=position, reason=reason, detail=detail, time=f"2025-01-0{offset + 1}"))
    assert list(groups.lines()) == [
        "      6 no_text, 2025-01-01 to 2025-01-06",
        "        3, first articles.dead-2@1: the fields are b",
        "        1, first articles.dead-2@0: the fields are a",
        "        1, first articles.dead-2@3: the fields are c",
        "        and 1 other details",
        "      1 not_json, 2025-01-07",
        "        1, first articles.dead-2@6: \ufffdunexpected end",
    ]
    first, second = groups.to_json()
    assert (first["count"], first["details"][0]["count"], first["details"][0]["first"]["offset"]) == (6, 3, 1)
    assert (second["first_time"], second["last_time"]) == ("2025-01-07", "2025-01-07")


def test_a_long_body_is_cut() -> None:
    """The last line names the option that writes all of it."""
    shown = message(b"x" * 5000)
    lines = list(record_lines(shown, None))
    assert lines[-2:] == ["x" * 4000, "... 1000 characters more; --output FILE writes the whole body"]
    assert list(record_lines(message(None), None))[-1] == "body: none"


def test_json_has_bytes_that_are_no_text_in_base64() -> None:
    """A field of another name holds them, so that no reader takes them for text."""
    shown = record_json(message(b"\xff\x00"), None)
    assert (shown["body_base64"], shown["key"]) == ("/wA=", "k")
    assert "body" not in shown
    assert record_json(message(None), None)["body"] is None


@pytest.mark.parametrize("text", ["articles.dead-2@17", "a-b-c-2@17"])
def test_a_position_is_parsed(text: str) -> None:
    """The topic's own name may contain hyphens."""
    parsed = PositionType().convert(text, None, None)
    assert (str(parsed), parsed.partition, parsed.offset) == (text, 2, 17)


@pytest.mark.parametrize("text", ["", "articles.dead", "articles.dead-2", "articles.dead@17", "-2@17", "a-2@x"])
def test_another_text_is_no_position(text: str) -> None:
    """The error shows the form."""
    with pytest.raises(click.BadParameter, match="TOPIC-PARTITION@OFFSET"):
        PositionType().convert(text, None, None)


def test_since_is_a_time_or_a_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    """A duration ends now."""
    monkeypatch.setattr("time.time", lambda: 1_000_000.0)
    expected = {"90s": 999_910_000, "15m": 999_100_000, "6h": 978_400_000, "7d": 395_200_000}
    assert {text: SinceType().convert(text, None, None) for text in expected} == expected
    assert SinceType().convert("1970-01-01T00:00:05Z", None, None) == 5_000


def test_a_filter_combines_its_conditions() -> None:
    """An empty one selects every dead letter."""
    letter = parse_dead_letter(message(b""))
    assert letter is not None
    rejected_ms = 1_700_000_000_000
    assert LetterFilter().selects(letter)
    matching = LetterFilter(reasons=("not_json",), since_ms=rejected_ms, positions=frozenset([POSITION]))
    assert matching.selects(letter)
    assert not replace(matching, reasons=("no_text",)).selects(letter)
    assert not replace(matching, since_ms=rejected_ms + 1).selects(letter)
    assert not replace(matching, positions=frozenset([replace(POSITION, offset=18)])).selects(letter)
