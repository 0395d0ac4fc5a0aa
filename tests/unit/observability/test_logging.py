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
from tests.fake_clock import FakeClock

MESSAGE = Message(topic="t", partition=0, offset=0, key=None, value=b"{")


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
    """It has event, level, time and the fields; a value may contain a line break."""
    configure_logging("info", "json", stream)
    get_logger().info("started", group_id="a\nb")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["group_id"]) == ("started", "info", "a\nb")
    assert str(line["time"]).endswith("Z")


def test_console_format_has_no_colours_without_a_terminal(stream: io.StringIO) -> None:
    """Fields are written as name=value."""
    configure_logging("info", "console", stream)
    get_logger().info("started", group_id="g")
    assert "started" in stream.getvalue()
    assert "group_id=g" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_lines_below_the_level_are_not_logged(stream: io.StringIO) -> None:
    """The level applies to the worker's own lines."""
    configure_logging("warning", "json", stream)
    get_logger().info("quiet")
    get_logger().warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def test_libraries_log_warnings_in_the_same_format(stream: io.StringIO) -> None:
    """A line has the name of the library's logger. Lines below warning are not logged at any level."""
    configure_logging("debug", "json", stream)
    logging.getLogger("kafka.conn").info("chatter")
    logging.getLogger("kafka.conn").warning("lost %s", "node 1")
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("lost node 1", "kafka.conn", "warning")


def test_libraries_log_one_line_in_an_interval(clock: FakeClock) -> None:
    """The limit applies to each logger."""
    rate_limit = RateLimitFilter(clock)

    def passes(name: str) -> bool:
        return rate_limit.filter(logging.LogRecord(name, logging.ERROR, __file__, 1, "refused", (), None))

    assert [passes("kafka.net"), passes("kafka.net"), passes("redis"), passes("redis")] == [True, False, True, False]
    clock.now += LIBRARY_INTERVAL_SECONDS
    assert [passes("kafka.net"), passes("kafka.net")] == [True, False]


@pytest.mark.parametrize(
    ("name", "text", "passes"),
    [
        ("kafka.net.selector", "Task <poll> blocking the event loop for 0.2 s", False),
        ("kafka.coordinator.assignors.sticky.sticky_assignor", "No partition metadata for topic articles.raw", False),
        ("kafka.net.selector", "Wakeup socket returned empty. Rebuilding.", True),
        ("kafka.cluster", "No partition metadata for topic articles.raw", True),
    ],
)
def test_warnings_of_normal_running_are_left_out(name: str, text: str, passes: bool) -> None:
    """They do not use up the line that the logger may write."""
    rate_limit = RateLimitFilter(FakeClock())
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, text, (), None)
    assert rate_limit.filter(record) is passes
    other = logging.LogRecord(name, logging.ERROR, __file__, 1, "refused", (), None)
    assert rate_limit.filter(other) is not passes


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def progress(stream: io.StringIO, clock: FakeClock) -> ProgressLogger:
    configure_logging("info", "json", stream)
    return ProgressLogger(clock)


def make_decision(type_: EventType, kind: Kind | None = None, *, replayed: bool = False) -> Decision:
    return Decision(type=type_, story_id="s", decided_at_ms=0, kind=kind, trace=Trace(replayed=replayed))


def test_progress_is_one_line_in_an_interval(progress: ProgressLogger, clock: FakeClock, stream: io.StringIO) -> None:
    """The line sums up all batches since the last one; then the counts start at 0 again."""
    message = Message(topic="t", partition=0, offset=0, key=None, value=b"secret text")
    for _ in range(3):
        progress.polled(1)
        progress.decided([make_decision(EventType.NEW), make_decision(EventType.VARIANT, Kind.NEAR)], 0.1, 0.2)
        progress.decided([make_decision(EventType.NEW, replayed=True)], 0.1, 0.2)
        progress.skipped()
        progress.delivered([message])
    assert lines(stream) == []
    clock.now += PROGRESS_INTERVAL_SECONDS
    progress.polled(0)
    (line,) = lines(stream)
    expected = {"event": "progress", "new": 3, "variants": 3, "replayed": 3, "skipped": 3, "delivered": 3, "dead": {}}
    assert expected.items() <= line.items()
    assert "secret" not in stream.getvalue()
    progress.log_summary()
    assert len(lines(stream)) == 1


def test_an_unexpected_error_is_logged_without_its_message(progress: ProgressLogger, stream: io.StringIO) -> None:
    """A line has type and calls, never a message, which may quote an article. Each place logs once in an interval."""

    def raise_error() -> None:
        try:
            int("secret text")
        except ValueError as error:
            raise TypeError("secret words") from error

    def fail() -> None:
        with pytest.raises(TypeError) as caught:
            raise_error()
        progress.unexpected_error(caught.value)

    fail()
    fail()
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["type"]) == ("unexpected_error", "error", "TypeError")
    assert [str(call).partition(":")[0] for call in cast("list[str]", line["calls"])] == [__name__] * 2
    assert "secret" not in stream.getvalue()
    progress.log_summary()
    fail()
    assert [line["event"] for line in lines(stream)].count("unexpected_error") == 2


def test_an_idle_worker_logs_nothing(progress: ProgressLogger, clock: FakeClock, stream: io.StringIO) -> None:
    """An interval without messages has no line."""
    for _ in range(5):
        clock.now += PROGRESS_INTERVAL_SECONDS
        progress.polled(0)
    assert stream.getvalue() == ""


def test_dead_letters_are_logged_once_for_each_reason(progress: ProgressLogger, stream: io.StringIO) -> None:
    """The first of a reason has a line; all are counted in the next progress line."""
    for _ in range(100):
        progress.dead_lettered(MESSAGE, Rejection(reason=DeadLetterReason.NOT_JSON, detail=""))
    progress.dead_lettered(MESSAGE, Rejection(reason=DeadLetterReason.NO_TEXT, detail=""))
    progress.log_summary()
    assert [line["event"] for line in lines(stream)] == ["dead_letter", "dead_letter", "progress"]
    assert lines(stream)[-1]["dead"] == {"not_json": 100, "no_text": 1}


def test_an_outage_has_two_lines(progress: ProgressLogger, stream: io.StringIO) -> None:
    """The first has the reason and the consequence, the second follows when the outage ends."""
    progress.unreachable(Dependency.REDIS, "redis: Error 111 connecting to\nredis:6379. Connection refused.")
    progress.reachable(Dependency.REDIS)
    assert [(line["event"], line["dependency"], line["level"]) for line in lines(stream)] == [
        ("unreachable", "redis", "warning"),
        ("reachable", "redis", "info"),
    ]
    assert lines(stream)[0]["reason"] == "redis: Error 111 connecting to redis:6379. Connection refused."


def test_long_reasons_are_cut(progress: ProgressLogger, stream: io.StringIO) -> None:
    """A client's error may list a thousand addresses."""
    progress.unreachable(Dependency.KAFKA, "x" * 10_000)
    (line,) = lines(stream)
    assert len(str(line["reason"])) == 300


def test_repeated_outages_are_counted(progress: ProgressLogger, clock: FakeClock, stream: io.StringIO) -> None:
    """Of a hundred short outages the first is logged, and the progress line has their number."""
    for _ in range(100):
        progress.unreachable(Dependency.REDIS, "refused")
        clock.now += 0.2
        progress.polled(0)
        progress.reachable(Dependency.REDIS)
    assert [line["event"] for line in lines(stream)] == ["unreachable", "reachable"]
    clock.now += PROGRESS_INTERVAL_SECONDS
    progress.polled(0)
    assert lines(stream)[-1]["outages"] == 100
    progress.unreachable(Dependency.REDIS, "refused")
    assert lines(stream)[-1]["event"] == "unreachable"


def test_a_lasting_outage_is_logged_after_the_interval(
    progress: ProgressLogger, clock: FakeClock, stream: io.StringIO
) -> None:
    """An outage soon after a logged one is not logged at its start, but it is logged if it lasts."""
    progress.unreachable(Dependency.REDIS, "first")
    progress.reachable(Dependency.REDIS)
    progress.unreachable(Dependency.REDIS, "second")
    progress.polled(0)
    assert [line["event"] for line in lines(stream)] == ["unreachable", "reachable"]
    clock.now += PROGRESS_INTERVAL_SECONDS
    progress.polled(0)
    progress.polled(0)
    progress.reachable(Dependency.REDIS)
    events = [(line["event"], line.get("reason")) for line in lines(stream) if line["event"] != "progress"]
    assert events[2:] == [("unreachable", "second"), ("reachable", None)]


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
        (b"00-00000000000000000000000000000000-00f067aa0ba902b7-01", None),
        (b"secret text", None),
    ],
)
def test_a_dead_letter_is_logged_with_its_position(
    progress: ProgressLogger, stream: io.StringIO, traceparent: bytes, trace_id: str | None
) -> None:
    """The line has topic, partition, offset and the trace id of a valid header, and no other part of the message."""
    message = Message(
        topic="t", partition=3, offset=42, key=b"k", value=b"secret", headers=(("traceparent", traceparent),)
    )
    progress.dead_lettered(message, Rejection(reason=DeadLetterReason.NOT_JSON, detail=""))
    (line,) = lines(stream)
    assert (line["reason"], line["topic"], line["partition"], line["offset"]) == ("not_json", "t", 3, 42)
    assert line.get("trace_id") == trace_id
    assert "secret" not in stream.getvalue()


def test_a_corrupt_record_is_logged_with_its_position(progress: ProgressLogger, stream: io.StringIO) -> None:
    """A corrupt record has no headers, so the line has no trace id."""
    progress.dead_lettered(
        CorruptRecord(topic="t", partition=0, offset=7, detail="damaged"),
        Rejection(reason=DeadLetterReason.RECORD_UNREADABLE, detail=""),
    )
    (line,) = lines(stream)
    assert (line["offset"], "trace_id" in line) == (7, False)
