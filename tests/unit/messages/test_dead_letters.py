"""Dead letters keep the message and record the reason; redriving sends a copy back and writes a marker."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.messages import dead_letters
from reprise.messages.dead_letters import (
    DeadLetter,
    dead_letter_record,
    notice_record,
    parse_dead_letter,
    redrive_marker,
    redrive_record,
    redriven_offsets,
)
from reprise.model import CorruptRecord, DeadLetterReason, Message, OutputRecord, Rejection

ORIGINAL = Message(
    topic="articles.raw",
    partition=3,
    offset=41,
    key=b"\x00key",
    value=b"\xff not json",
    headers=(("traceparent", b"00-1"), ("x", b"1"), ("x", b"2")),
)
REDRIVABLE = Message(
    topic="articles.raw", partition=3, offset=41, key=b"k", value=b"\xff", headers=(("x", b"1"), ("x", b"2"))
)
LOST = CorruptRecord(topic="articles.raw", partition=3, offset=41, detail="corrupt batch")
NOW = 1_737_109_230.456

REASON_AND_ORIGIN = {
    "reprise-dead-reason": b"not_json",
    "reprise-dead-detail": b"unexpected character",
    "reprise-dead-topic": b"articles.raw",
    "reprise-dead-partition": b"3",
    "reprise-dead-offset": b"41",
    "reprise-dead-time": b"2025-01-17T10:20:30.456Z",
}


def test_dead_letter_keeps_the_message() -> None:
    """Value, key and headers are the message's, repeated headers included; reason and origin follow them."""
    dead = dead_letter_record(
        "articles.dead", ORIGINAL, Rejection(reason=DeadLetterReason.NOT_JSON, detail="unexpected character"), NOW
    )
    assert dead.topic == "articles.dead"
    assert dead.key == ORIGINAL.key
    assert dead.value == ORIGINAL.value
    assert dead.headers[:3] == ORIGINAL.headers
    assert dict(dead.headers[3:]) == {**REASON_AND_ORIGIN, "reprise-dead-form": b"message"}


def test_headers_of_kafka_connect_repeat_the_reason_and_the_origin() -> None:
    """They replace those of the message, and a redrive removes them."""
    connected = replace(REDRIVABLE, headers=(("x", b"1"), ("__connect.errors.topic", b"old")))
    rejection = Rejection(reason=DeadLetterReason.NO_TEXT, detail="neither text nor html")
    dead = dead_letter_record("articles.dead", connected, rejection, NOW, connect_headers=True)
    headers = [header for header in dead.headers if header[0].startswith("__connect.errors.")]
    assert headers == [
        ("__connect.errors.topic", b"articles.raw"),
        ("__connect.errors.partition", b"3"),
        ("__connect.errors.offset", b"41"),
        ("__connect.errors.connector.name", b"reprise"),
        ("__connect.errors.task.id", b"0"),
        ("__connect.errors.stage", b"VALUE_CONVERTER"),
        ("__connect.errors.exception.class.name", b"no_text"),
        ("__connect.errors.exception.message", b"neither text nor html"),
    ]
    letter = parse_dead_letter(
        Message(topic=dead.topic, partition=0, offset=7, key=dead.key, value=dead.value, headers=dead.headers)
    )
    assert letter is not None
    assert (letter.reason, letter.origin.offset) == ("no_text", 41)
    assert redrive_record(letter).headers == (("x", b"1"), ("reprise-dead-attempts", b"1"))


def test_headers_of_a_connector_stay_in_a_message() -> None:
    """A message from the dead-letter topic of a connector keeps its headers through a rejection and a redrive."""
    connected = replace(REDRIVABLE, headers=(("__connect.errors.connector.name", b"sink"),))
    dead = dead_letter_record("articles.dead", connected, Rejection(reason=DeadLetterReason.NO_TEXT, detail=""), NOW)
    letter = parse_dead_letter(
        Message(topic=dead.topic, partition=0, offset=7, key=dead.key, value=dead.value, headers=dead.headers)
    )
    assert letter is not None
    assert redrive_record(letter).headers[0] == ("__connect.errors.connector.name", b"sink")


@pytest.mark.parametrize("original", [ORIGINAL, LOST])
def test_notice_points_at_the_message(original: Message | CorruptRecord) -> None:
    """A notice has headers alone, with the topic, partition and offset of the message."""
    dead = notice_record(
        "articles.dead", original, Rejection(reason=DeadLetterReason.NOT_JSON, detail="unexpected character"), NOW
    )
    assert (dead.topic, dead.key, dead.value) == ("articles.dead", None, None)
    assert dict(dead.headers) == {**REASON_AND_ORIGIN, "reprise-dead-form": b"notice"}


def test_corrupt_record_gets_a_notice() -> None:
    """A corrupt record has no bytes to keep, so its dead letter is a notice."""
    arguments = (LOST, Rejection(reason=DeadLetterReason.RECORD_UNREADABLE, detail=LOST.detail), NOW)
    assert dead_letter_record("articles.dead", *arguments) == notice_record("articles.dead", *arguments)


def test_second_rejection_replaces_the_headers_of_the_first() -> None:
    """The headers of an earlier rejection are replaced, not repeated; the number of attempts is kept."""
    first = dead_letter_record(
        "articles.dead", ORIGINAL, Rejection(reason=DeadLetterReason.NO_TEXT, detail="nothing"), NOW - 60
    )
    again = Message(
        topic="articles.raw",
        partition=0,
        offset=99,
        key=first.key,
        value=first.value,
        headers=(*first.headers, (dead_letters.ATTEMPTS, b"1")),
    )
    second = dead_letter_record(
        "articles.dead", again, Rejection(reason=DeadLetterReason.NOT_JSON, detail="unexpected character"), NOW
    )
    added = [(name, value) for name, value in second.headers if name.startswith(dead_letters.PREFIX)]
    assert dict(added) == {
        **REASON_AND_ORIGIN,
        "reprise-dead-partition": b"0",
        "reprise-dead-offset": b"99",
        "reprise-dead-form": b"message",
        "reprise-dead-attempts": b"1",
    }
    assert len(added) == len(dict(added))
    assert second.headers[:3] == ORIGINAL.headers


def test_detail_is_one_short_line() -> None:
    """A detail that is long, has several lines or has no UTF-8 form still fits a header."""
    dead = notice_record(
        "articles.dead",
        LOST,
        Rejection(reason=DeadLetterReason.RECORD_UNREADABLE, detail="a\nb\t\ud800" + "x" * 5000),
        NOW,
    )
    detail = dict(dead.headers)["reprise-dead-detail"].decode()
    assert detail.startswith("a b ?xxx")
    assert len(detail) == 500


@given(
    st.builds(
        Message,
        topic=st.text(max_size=20),
        partition=st.integers(0),
        offset=st.integers(0),
        key=st.none() | st.binary(max_size=20),
        value=st.none() | st.binary(max_size=50),
        headers=st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=20)), max_size=5).map(tuple),
    ),
    st.sampled_from(DeadLetterReason),
    st.text(st.characters(exclude_categories=())),
    st.floats(0, 32_503_680_000),
)
def test_any_message_can_be_kept(message: Message, reason: DeadLetterReason, detail: str, now: float) -> None:
    """Value, key and foreign headers of any message are unchanged in its dead letter."""
    dead = dead_letter_record("articles.dead", message, Rejection(reason=reason, detail=detail), now)
    assert (dead.key, dead.value) == (message.key, message.value)
    foreign = tuple(pair for pair in message.headers if not pair[0].startswith(dead_letters.PREFIX))
    assert tuple(pair for pair in dead.headers if not pair[0].startswith(dead_letters.PREFIX)) == foreign
    assert dict(dead.headers)[dead_letters.REASON] == reason.value.encode()


def as_read(record: OutputRecord, offset: int) -> Message:
    """Return the record as a consumer reads it from its topic."""
    return Message(
        topic=record.topic, partition=1, offset=offset, key=record.key, value=record.value, headers=record.headers
    )


def parsed_letter(original: Message = REDRIVABLE, offset: int = 7) -> DeadLetter:
    """Return the dead letter of a message as it is parsed from its topic."""
    record = dead_letter_record(
        "articles.dead", original, Rejection(reason=DeadLetterReason.NOT_UTF8, detail="byte 0"), 0.0
    )
    letter = parse_dead_letter(as_read(record, offset))
    assert letter is not None
    return letter


def test_written_dead_letter_is_parsed() -> None:
    """Position, origin, reason, detail and attempts of a written dead letter are read back."""
    letter = parsed_letter()
    assert (str(letter.position), str(letter.origin)) == ("articles.dead-1@7", "articles.raw-3@41")
    assert (letter.reason, letter.detail, letter.attempts) == ("not_utf8", "byte 0", 0)
    assert letter.has_message


def test_redriven_copy_is_the_message_with_one_attempt_more() -> None:
    """Each redrive adds one to the attempts and changes nothing else."""
    once = redrive_record(parsed_letter())
    assert (once.topic, once.key, once.value) == ("articles.raw", b"k", b"\xff")
    assert once.headers == (*REDRIVABLE.headers, (dead_letters.ATTEMPTS, b"1"))
    twice = redrive_record(parsed_letter(as_read(once, 50)))
    assert twice.headers == (*REDRIVABLE.headers, (dead_letters.ATTEMPTS, b"2"))


def test_marker_records_the_offset_of_its_dead_letter() -> None:
    """The marker is found among other records, and is not parsed as a dead letter."""
    marker = as_read(redrive_marker(parsed_letter(offset=7)), 9)
    assert parse_dead_letter(marker) is None
    assert redriven_offsets(
        [
            as_read(
                dead_letter_record(
                    "articles.dead", REDRIVABLE, Rejection(reason=DeadLetterReason.NO_TEXT, detail=""), 0.0
                ),
                7,
            ),
            marker,
        ]
    ) == {("articles.dead", 1): {7}}


def test_notice_has_no_message() -> None:
    """A notice has nothing to redrive."""
    letter = parse_dead_letter(
        as_read(
            notice_record(
                "articles.dead", REDRIVABLE, Rejection(reason=DeadLetterReason.MESSAGE_TOO_LARGE, detail=""), 0.0
            ),
            3,
        )
    )
    assert letter is not None
    assert not letter.has_message


@pytest.mark.parametrize("headers", [(), (("x", b"1"),), ((dead_letters.PARTITION, b"three"),)])
def test_foreign_records_are_ignored(headers: tuple[tuple[str, bytes], ...]) -> None:
    """A record without the headers of a dead letter is not parsed as one."""
    assert (
        parse_dead_letter(Message(topic="articles.dead", partition=0, offset=0, key=None, value=b"", headers=headers))
        is None
    )
