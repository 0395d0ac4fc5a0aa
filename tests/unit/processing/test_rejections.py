"""The history of rejected messages: counts by reason, first positions, names of fields."""

from reprise.model import Article, CorruptRecord, DeadLetterReason, Fingerprint, Message, Rejection
from reprise.processing.batch import Decoded, Rejected
from reprise.processing.rejections import RejectionHistory


def rejected(offset: int, value: bytes | None, reason: DeadLetterReason = DeadLetterReason.NO_TEXT) -> Rejected:
    message = Message(topic="t", partition=3, offset=offset, key=None, value=value)
    return Rejected(message=message, rejection=Rejection(reason=reason, detail=f"detail of {offset}"))


def accepted(offset: int) -> Decoded:
    message = Message(topic="t", partition=3, offset=offset, key=None, value=b"{}")
    fingerprint = Fingerprint(article_id="a", content_hash=b"")
    return Decoded(message=message, article=Article(article_id="a", text=""), fingerprint=fingerprint)


def test_the_commonest_reason_is_first() -> None:
    """Each reason has its count, and the position, detail and fields of its first message."""
    history = RejectionHistory(window=100)
    history.add([rejected(5, b"{", DeadLetterReason.NOT_JSON), accepted(6), rejected(7, b'{"body": 1, "link": 2}')])
    history.add([rejected(8, b'{"other": 1}')])
    no_text, not_json = history.count_reasons()
    assert (no_text.reason, no_text.count, no_text.first) == (DeadLetterReason.NO_TEXT, 2, "t-3@7")
    assert (no_text.detail, no_text.fields) == ("detail of 7", ("body", "link"))
    assert (not_json.count, not_json.fields) == (1, ())
    assert str(no_text) == "2 no_text (first t-3@7: detail of 7; fields of the message: body, link)"
    assert str(not_json) == "1 not_json (first t-3@5: detail of 5)"


def test_messages_beyond_the_window_are_not_counted() -> None:
    """Accepted messages are part of the window."""
    history = RejectionHistory(window=3)
    history.add([rejected(0, b"{}"), rejected(1, b"{}"), accepted(2), accepted(3)])
    (reason,) = history.count_reasons()
    assert (reason.count, reason.first) == (1, "t-3@1")
    history.add([accepted(4)])
    assert history.count_reasons() == []


def test_names_of_fields_are_bounded_and_printable() -> None:
    """A hostile message cannot make a long line or control a terminal. A name with spaces may be text."""
    names = {f"field{number}": 1 for number in range(100)}
    hostile = b'{"' + b"x" * 1000 + b'": 1, "\\u001b[31m": 2, "Le pont": 3, "og:title": 4}'
    values = [repr(names).replace("'", '"').encode(), hostile, b"[1]", b"null", b"\xff", b"{" * 5000]
    fields = []
    for value in values:
        history = RejectionHistory(window=1)
        history.add([rejected(0, value)])
        fields.append(history.count_reasons()[0].fields)
    assert fields[0] == tuple(f"field{number}" for number in range(20))
    assert fields[1] == ("og:title",)
    assert fields[2:] == [(), (), (), ()]


def test_a_corrupt_record_has_a_position() -> None:
    """Its message cannot be parsed, so it has no fields."""
    record = CorruptRecord(topic="t", partition=0, offset=9, detail="crc")
    rejection = Rejection(reason=DeadLetterReason.RECORD_UNREADABLE, detail="crc")
    history = RejectionHistory(window=1)
    history.add([Rejected(message=record, rejection=rejection)])
    (reason,) = history.count_reasons()
    assert (reason.first, reason.fields) == ("t-0@9", ())
