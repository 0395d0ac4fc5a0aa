"""Message -> dead letter: nothing of the original is lost, and the headers say why and where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.messages import dead_letters
from reprise.messages.dead_letters import dead_letter_record, notice_record
from reprise.model import CorruptRecord, DeadLetterReason, Message, Rejection

ORIGINAL = Message(
    topic="articles.raw",
    partition=3,
    offset=41,
    key=b"\x00key",
    value=b"\xff not json",
    headers=(("traceparent", b"00-1"), ("x", b"1"), ("x", b"2")),
)
LOST = CorruptRecord(topic="articles.raw", partition=3, offset=41, detail="corrupt batch")
NOW = 1_737_109_230.456

WHY_AND_WHERE = {
    "reprise-dead-reason": b"not_json",
    "reprise-dead-detail": b"unexpected character",
    "reprise-dead-topic": b"articles.raw",
    "reprise-dead-partition": b"3",
    "reprise-dead-offset": b"41",
    "reprise-dead-time": b"2025-01-17T10:20:30.456Z",
}


def test_original_goes_along_unchanged() -> None:
    """Bytes, key and headers are the original's, doubled headers included; the reason and the place follow them."""
    dead = dead_letter_record(
        "articles.dead", ORIGINAL, Rejection(reason=DeadLetterReason.NOT_JSON, detail="unexpected character"), NOW
    )
    assert dead.topic == "articles.dead"
    assert dead.key == ORIGINAL.key
    assert dead.value == ORIGINAL.value
    assert dead.headers[:3] == ORIGINAL.headers
    assert dict(dead.headers[3:]) == {**WHY_AND_WHERE, "reprise-dead-form": b"message"}


@pytest.mark.parametrize("original", [ORIGINAL, LOST])
def test_notice_points_at_the_original(original: Message | CorruptRecord) -> None:
    """A notice is headers alone, and they give the original's address."""
    dead = notice_record(
        "articles.dead", original, Rejection(reason=DeadLetterReason.NOT_JSON, detail="unexpected character"), NOW
    )
    assert (dead.topic, dead.key, dead.value) == ("articles.dead", None, None)
    assert dict(dead.headers) == {**WHY_AND_WHERE, "reprise-dead-form": b"notice"}


def test_unreadable_record_is_a_notice() -> None:
    """Where there are no bytes to keep, the dead letter is the notice."""
    arguments = (LOST, Rejection(reason=DeadLetterReason.RECORD_UNREADABLE, detail=LOST.detail), NOW)
    assert dead_letter_record("articles.dead", *arguments) == notice_record("articles.dead", *arguments)


def test_message_that_was_dead_before_gets_its_headers_anew() -> None:
    """The headers of an earlier death are replaced, not doubled; the count of attempts stays."""
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
        **WHY_AND_WHERE,
        "reprise-dead-partition": b"0",
        "reprise-dead-offset": b"99",
        "reprise-dead-form": b"message",
        "reprise-dead-attempts": b"1",
    }
    assert len(added) == len(dict(added))
    assert second.headers[:3] == ORIGINAL.headers


def test_detail_is_one_short_line() -> None:
    """A detail that a client made long or many-lined, or that has no UTF-8 form, still fits a header."""
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
def test_keeping_never_fails(message: Message, reason: DeadLetterReason, detail: str, now: float) -> None:
    """Whatever arrives can be kept: bytes, key and foreign headers come out as they went in."""
    dead = dead_letter_record("articles.dead", message, Rejection(reason=reason, detail=detail), now)
    assert (dead.key, dead.value) == (message.key, message.value)
    foreign = tuple(pair for pair in message.headers if not pair[0].startswith(dead_letters.PREFIX))
    assert tuple(pair for pair in dead.headers if not pair[0].startswith(dead_letters.PREFIX)) == foreign
    assert dict(dead.headers)[dead_letters.REASON] == reason.value.encode()
