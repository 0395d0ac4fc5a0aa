"""Dead letter -> the copy that goes back, and the marker that says so."""

import pytest

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
from reprise.model import DeadLetterReason, Message, OutputRecord, Rejection

ORIGINAL = Message(
    topic="articles.raw", partition=3, offset=41, key=b"k", value=b"\xff", headers=(("x", b"1"), ("x", b"2"))
)


def written(record: OutputRecord, offset: int) -> Message:
    """The record as it stands in its topic."""
    return Message(
        topic=record.topic, partition=1, offset=offset, key=record.key, value=record.value, headers=record.headers
    )


def letter(original: Message = ORIGINAL, offset: int = 7) -> DeadLetter:
    """A letter as it is read back."""
    record = dead_letter_record(
        "articles.dead", original, Rejection(reason=DeadLetterReason.NOT_UTF8, detail="byte 0"), 0.0
    )
    found = parse_dead_letter(written(record, offset))
    assert found is not None
    return found


def test_letter_says_where_it_is_and_where_its_message_was() -> None:
    """What dead_letters writes is read back."""
    found = letter()
    assert (str(found.position), str(found.origin)) == ("articles.dead-1@7", "articles.raw-3@41")
    assert (found.reason, found.detail, found.attempts) == ("not_utf8", "byte 0", 0)
    assert found.has_message


def test_copy_is_the_original_with_one_attempt_more() -> None:
    """Each time it goes back the count grows by one, and nothing else is added."""
    once = redrive_record(letter())
    assert (once.topic, once.key, once.value) == ("articles.raw", b"k", b"\xff")
    assert once.headers == (*ORIGINAL.headers, (dead_letters.ATTEMPTS, b"1"))
    twice = redrive_record(letter(written(once, 50)))
    assert twice.headers == (*ORIGINAL.headers, (dead_letters.ATTEMPTS, b"2"))


def test_marker_names_its_letter() -> None:
    """The marker is found again among other records, and is no letter itself."""
    mark = written(redrive_marker(letter(offset=7)), 9)
    assert parse_dead_letter(mark) is None
    assert redriven_offsets(
        [
            written(
                dead_letter_record(
                    "articles.dead", ORIGINAL, Rejection(reason=DeadLetterReason.NO_TEXT, detail=""), 0.0
                ),
                7,
            ),
            mark,
        ]
    ) == {("articles.dead", 1): {7}}


def test_notice_keeps_no_message() -> None:
    """A notice is a letter that has nothing to send back."""
    found = parse_dead_letter(
        written(
            notice_record(
                "articles.dead", ORIGINAL, Rejection(reason=DeadLetterReason.MESSAGE_TOO_LARGE, detail=""), 0.0
            ),
            3,
        )
    )
    assert found is not None
    assert not found.has_message


@pytest.mark.parametrize("headers", [(), (("x", b"1"),), ((dead_letters.PARTITION, b"three"),)])
def test_strangers_in_the_topic_are_no_letters(headers: tuple[tuple[str, bytes], ...]) -> None:
    """A record without a letter's headers is passed over, whoever wrote it."""
    assert (
        parse_dead_letter(Message(topic="articles.dead", partition=0, offset=0, key=None, value=b"", headers=headers))
        is None
    )
