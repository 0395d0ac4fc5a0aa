import io
import json
import logging
from collections.abc import Iterator
from typing import cast

import pytest
import structlog

from reprise.model import (
    CorruptRecord,
    DeadLetterReason,
    Decision,
    Dependency,
    EventType,
    Kind,
    Message,
    Rejection,
    Trace,
)
from reprise.observability.logging import (
    LIBRARY_INTERVAL_SECONDS,
    PROGRESS_INTERVAL_SECONDS,
    ProgressLogger,
    RateLimitFilter,
    configure_logging,
    get_logger,
)

MESSAGE = Message(topic="t", partition=0, offset=0, key=None, value=b"{")


class Clock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield io.StringIO()
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object(stream: io.StringIO) -> None:
    """A collector reads event, level, time and the fields, a line break inside a value included."""
    configure_logging("info", "json", stream)
    get_logger().info("started", group_id="a\nb")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["group_id"]) == ("started", "info", "a\nb")
    assert str(line["time"]).endswith("Z")


def test_the_console_is_for_people(stream: io.StringIO) -> None:
    """Where nobody's terminal is behind the stream there are no colours either."""
    configure_logging("info", "console", stream)
    get_logger().info("started", group_id="g")
    assert "started" in stream.getvalue()
    assert "group_id=g" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_lines_below_the_level_are_left_out(stream: io.StringIO) -> None:
    """The level holds for the worker's own lines."""
    configure_logging("warning", "json", stream)
    get_logger().info("quiet")
    get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_the_libraries_speak_the_same_format_from_warnings_on(stream: io.StringIO) -> None:
    """A client's warning is a JSON line with its name; its chatter is left out at any level."""
    configure_logging("debug", "json", stream)
    logging.getLogger("kafka.conn").info("chatter")
    logging.getLogger("kafka.conn").warning("lost %s", "node 1")
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("lost node 1", "kafka.conn", "warning")


def test_a_library_does_not_fill_the_log(clock: Clock) -> None:
    """Of each logger one line passes in a minute, however often it tells of its trouble."""
    sparing = RateLimitFilter(clock)

    def passes(name: str) -> bool:
        return sparing.filter(logging.LogRecord(name, logging.ERROR, __file__, 1, "away", (), None))

    assert [passes("kafka.net"), passes("kafka.net"), passes("redis"), passes("redis")] == [True, False, True, False]
    clock.now += LIBRARY_INTERVAL_SECONDS
    assert [passes("kafka.net"), passes("kafka.net")] == [True, False]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(stream: io.StringIO, clock: Clock) -> ProgressLogger:
    configure_logging("info", "json", stream)
    return ProgressLogger(clock)


def a_decision(type_: EventType, kind: Kind | None = None, *, replayed: bool = False) -> Decision:
    return Decision(type=type_, story_id="s", decided_at_ms=0, kind=kind, trace=Trace(replayed=replayed))


def test_progress_is_told_seldom_and_in_sum(journal: ProgressLogger, clock: Clock, stream: io.StringIO) -> None:
    """Any number of batches within the interval is one line, and counting begins anew."""
    message = Message(topic="t", partition=0, offset=0, key=None, value=b"secret text")
    for _ in range(3):
        journal.polled(1)
        journal.decided([a_decision(EventType.NEW), a_decision(EventType.VARIANT, Kind.NEAR)], 0.1, 0.2)
        journal.decided([a_decision(EventType.NEW, replayed=True)], 0.1, 0.2)
        journal.skipped()
        journal.delivered([message])
    assert lines(stream) == []
    clock.now += PROGRESS_INTERVAL_SECONDS
    journal.polled(0)
    (line,) = lines(stream)
    expected = {"event": "progress", "new": 3, "variants": 3, "replayed": 3, "skipped": 3, "delivered": 3, "dead": {}}
    assert expected.items() <= line.items()
    assert "secret" not in stream.getvalue()
    journal.log_summary()
    assert len(lines(stream)) == 1


def test_an_unexpected_error_is_told_by_its_place(journal: ProgressLogger, stream: io.StringIO) -> None:
    """A line names type and calls, never the error's words or its cause's; the same place is told once a summary."""

    def at_one_place() -> None:
        try:
            int("secret text")
        except ValueError as error:
            raise TypeError("secret words") from error

    def fail() -> None:
        with pytest.raises(TypeError) as caught:
            at_one_place()
        journal.unexpected_error(caught.value)

    fail()
    fail()
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["type"]) == ("unexpected_error", "error", "TypeError")
    assert [str(call).partition(":")[0] for call in cast("list[str]", line["calls"])] == [__name__] * 2
    assert "secret" not in stream.getvalue()
    journal.log_summary()
    fail()
    assert [line["event"] for line in lines(stream)].count("unexpected_error") == 2


def test_an_idle_worker_is_silent(journal: ProgressLogger, clock: Clock, stream: io.StringIO) -> None:
    """No message, no line."""
    for _ in range(5):
        clock.now += PROGRESS_INTERVAL_SECONDS
        journal.polled(0)
    assert stream.getvalue() == ""


def test_dead_letters_do_not_fill_the_log(journal: ProgressLogger, stream: io.StringIO) -> None:
    """The first of a reason is told at once, the others as a count."""
    for _ in range(100):
        journal.dead_lettered(MESSAGE, Rejection(reason=DeadLetterReason.NOT_JSON, detail=""))
    journal.dead_lettered(MESSAGE, Rejection(reason=DeadLetterReason.NO_TEXT, detail=""))
    journal.log_summary()
    assert [line["event"] for line in lines(stream)] == ["dead_letter", "dead_letter", "progress"]
    assert lines(stream)[-1]["dead"] == {"not_json": 100, "no_text": 1}


def test_an_outage_is_two_lines(journal: ProgressLogger, stream: io.StringIO) -> None:
    """One when it begins, which says why and what that means, one when it ends."""
    journal.unreachable(Dependency.REDIS, "redis: Error 111 connecting to\nredis:6379. Connection refused.")
    journal.reachable(Dependency.REDIS)
    assert [(line["event"], line["dependency"], line["level"]) for line in lines(stream)] == [
        ("unreachable", "redis", "warning"),
        ("reachable", "redis", "info"),
    ]
    assert lines(stream)[0]["reason"] == "redis: Error 111 connecting to redis:6379. Connection refused."


def test_a_reason_has_an_end(journal: ProgressLogger, stream: io.StringIO) -> None:
    """A client that lists a thousand addresses costs a line, not a page."""
    journal.unreachable(Dependency.KAFKA, "x" * 10_000)
    (line,) = lines(stream)
    assert len(str(line["reason"])) == 300


def test_what_comes_and_goes_does_not_fill_the_log(journal: ProgressLogger, clock: Clock, stream: io.StringIO) -> None:
    """Of a hundred outages in a moment the first is told, the others are a count in the next summary."""
    for _ in range(100):
        journal.unreachable(Dependency.REDIS, "away")
        clock.now += 0.2
        journal.polled(0)
        journal.reachable(Dependency.REDIS)
    assert [line["event"] for line in lines(stream)] == ["unreachable", "reachable"]
    clock.now += PROGRESS_INTERVAL_SECONDS
    journal.polled(0)
    assert lines(stream)[-1]["outages"] == 100
    journal.unreachable(Dependency.REDIS, "away")
    assert lines(stream)[-1]["event"] == "unreachable"


def test_an_outage_that_lasts_is_told_at_last(journal: ProgressLogger, clock: Clock, stream: io.StringIO) -> None:
    """One that began a moment after another, and stays, is told of when it has been silent long enough."""
    journal.unreachable(Dependency.REDIS, "first")
    journal.reachable(Dependency.REDIS)
    journal.unreachable(Dependency.REDIS, "second")
    journal.polled(0)
    assert [line["event"] for line in lines(stream)] == ["unreachable", "reachable"]
    clock.now += PROGRESS_INTERVAL_SECONDS
    journal.polled(0)
    journal.polled(0)
    journal.reachable(Dependency.REDIS)
    told = [(line["event"], line.get("reason")) for line in lines(stream) if line["event"] != "progress"]
    assert told[2:] == [("unreachable", "second"), ("reachable", None)]


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        (b"00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        (b"secret text", None),
    ],
)
def test_a_dead_letter_says_where_it_was(
    journal: ProgressLogger, stream: io.StringIO, traceparent: bytes, trace_id: str | None
) -> None:
    """Topic, partition, offset, and the trace where the header is one: nothing else of the message reaches the log."""
    message = Message(
        topic="t", partition=3, offset=42, key=b"k", value=b"secret", headers=(("traceparent", traceparent),)
    )
    journal.dead_lettered(message, Rejection(reason=DeadLetterReason.NOT_JSON, detail=""))
    (line,) = lines(stream)
    assert (line["reason"], line["topic"], line["partition"], line["offset"]) == ("not_json", "t", 3, 42)
    assert line.get("trace_id") == trace_id
    assert "secret" not in stream.getvalue()


def test_a_position_that_cannot_be_decoded_has_no_trace(journal: ProgressLogger, stream: io.StringIO) -> None:
    """Its place is all there is."""
    journal.dead_lettered(
        CorruptRecord(topic="t", partition=0, offset=7, detail="damaged"),
        Rejection(reason=DeadLetterReason.RECORD_UNREADABLE, detail=""),
    )
    (line,) = lines(stream)
    assert (line["offset"], "trace_id" in line) == (7, False)
