"""A batch is cut by time and by a stop request between two messages."""

from collections.abc import Callable, Mapping

import pytest

from reprise.errors import Fatal
from reprise.model import Article, Message
from tests.unit.processing.test_pipeline import FakeProcessor, PipelineRun, fake_processor


class SlowRun(PipelineRun):
    """A pipeline whose messages take two seconds each to decode; a batch may take five.

    during  functions to call while the message with this value is decoded
    """

    def __init__(self, count: int, *, during: Mapping[bytes, Callable[["SlowRun"], None]] | None = None) -> None:
        super().__init__(*(b"%d" % number for number in range(count)), batch_max=6)
        run, calls = self, during or {}

        class Slow(FakeProcessor):
            def decode(self, message: Message) -> Article:
                run.time.sleep(2)
                if call := calls.get(message.value or b""):
                    call(run)
                return super().decode(message)

        self.pipeline.processor = fake_processor(Slow)
        self.pipeline.monotonic = self.time
        self.pipeline.decode_seconds = 5.0


def test_a_batch_is_cut_after_its_time() -> None:
    """Each part has a poll, a decision and a commit of its own; nothing is lost or repeated."""
    slow = SlowRun(5)
    assert slow.pipeline.run() is True
    assert slow.observer.of("delivered") == [("delivered", 3), ("delivered", 2)]
    assert slow.events == [b"%d n-%d" % (number, number) for number in range(5)]
    assert slow.committed == 5
    assert slow.faults.calls[:5] == ["poll", "submit", "poll", "begin", "submit"]


def test_messages_wait_while_kafka_is_away() -> None:
    """The poll that keeps the membership fails at first; the messages that wait are kept."""
    slow = SlowRun(4, during={b"2": lambda run: run.faults.left.update(poll=3)})
    assert slow.pipeline.run() is True
    assert slow.observer.of("unreachable") == [("unreachable", "kafka")]
    assert len(slow.events) == slow.committed == 4


def test_a_stop_request_ends_the_batch_between_two_messages() -> None:
    """The message in hand is delivered and committed; the others stay uncommitted."""
    slow = SlowRun(5, during={b"1": lambda run: run.stop.request()})
    assert slow.pipeline.run() is True
    assert slow.events == [b"0 n-0", b"1 n-1"]
    assert slow.committed == 2


def test_a_stop_request_drops_the_messages_that_wait() -> None:
    """The rest of a batch that was cut is read again by the next owner of the partition."""
    slow = SlowRun(6, during={b"3": lambda run: run.stop.request()})
    assert slow.pipeline.run() is True
    assert slow.committed == 4


def test_a_source_that_ignores_the_pause_is_an_error() -> None:
    """Messages that come while others wait would be lost."""
    slow = SlowRun(7)
    slow.source.pause = lambda: None  # type: ignore[method-assign]
    with pytest.raises(Fatal, match="paused"):
        slow.pipeline.run()
