"""Publish batches of records to Kafka, as the environment configures it, for commands that fill a topic."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing

from reprise.bootstrap import open_article_sink
from reprise.errors import Fatal
from reprise.model import OutputRecord
from reprise.processing.ports import Sink
from reprise.processing.shutdown import StopRequest
from reprise.settings import Settings
from reprise.startup import StoppedDuringStartup, require_topics, retry_until_ready, wait_for_broker

#: Publish a batch and wait for its acknowledgement by all in-sync replicas. Return the indexes of the records that are
#: too large for their topic.
WriteRecords = Callable[[Sequence[OutputRecord]], Sequence[int]]


def open_topic_writer(
    settings: Settings, topic: str, *, stop: StopRequest, report: Callable[[str], None], stack: ExitStack
) -> WriteRecords:
    """Connect a producer and return a function that publishes batches.

    A batch is repeated while the broker is unreachable, so its records may arrive twice.

    report  prints the reason for a wait
    stack   closes the producer

    Raises Unreachable if the topic does not exist, Fatal, StoppedDuringStartup.
    """

    def report_waiting(reason: str) -> None:
        report(f"waiting: {reason}")

    wait_for_broker(settings, stop, report_waiting)
    require_topics(settings, [topic])  # otherwise the producer waits half a minute for the topic
    sink = stack.enter_context(closing(open_article_sink(settings)))

    def write(records: Sequence[OutputRecord]) -> Sequence[int]:
        try:
            return retry_until_ready(
                lambda: publish_records(records, sink),
                f"topic {topic}",
                timeout_seconds=settings.times.startup_timeout_seconds,
                stop=stop,
                on_waiting=report_waiting,
            )
        except StoppedDuringStartup:
            raise Fatal("stopped while Kafka was unreachable; the last batch was not published") from None

    return write


def publish_records(records: Sequence[OutputRecord], sink: Sink) -> Sequence[int]:
    """Send a batch and wait for its acknowledgement. Return the indexes of the records that are too large.

    Raises Unreachable, Fatal.
    """
    too_large = sink.send(records)
    sink.flush()
    return too_large
