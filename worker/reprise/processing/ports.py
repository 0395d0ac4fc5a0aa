"""The ports of the loop: what it needs of Kafka, of the index and of monitoring.

Adapters: kafka/ (Source, Sink, Delivery), at_least_once.py (Delivery), index/ (Index), replay/ (Source and Delivery on
files), observability/ (Observer).
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from reprise.model import (
    Article,
    CorruptRecord,
    Decision,
    Delivered,
    Dependency,
    Fingerprint,
    Message,
    OutageKind,
    Outcome,
    OutputRecord,
    Rejection,
    Stage,
)

#: topic, partition
Partition = tuple[str, int]


class Source(Protocol):
    """Messages of the input topic, read as a member of a consumer group."""

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        """Wait up to `timeout_seconds` for messages and return at most one batch; it is often empty.

        Keeps the group membership alive, so the loop calls it while paused, too. Raises Unreachable, Fatal.
        """

    def read_offset_metadata(self) -> Sequence[str]:
        """Return the metadata committed with the offsets of the assigned partitions. Raises Unreachable, Fatal."""

    def pause(self) -> None:
        """Stop fetching, across rebalances as well; poll returns nothing until `resume`."""

    def resume(self) -> None:
        """Fetch again after `pause`."""

    def close(self) -> None:
        """Leave the group and free the connections, within a bounded time. Commits nothing."""


class StageObserver(Protocol):
    """Receives the duration of each stage of a batch. Never raises and never blocks."""

    def __call__(self, stage: Stage, seconds: float) -> None:
        """Record that a batch, or one namespace's part of it, has completed a stage."""


def ignore_stage(stage: Stage, seconds: float) -> None:
    """Do nothing: a StageObserver for tests and file commands."""


class PendingCommit(Protocol):
    """A commit of offsets in flight."""

    def wait(self, timeout_seconds: float) -> bool:
        """Wait for the commit; return whether it is known to have succeeded."""


class OffsetCommitter(Protocol):
    """The part of a source that commits offsets."""

    def commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str, timeout_seconds: float) -> None:
        """Commit the offsets behind these messages; skip partitions that were revoked since their poll.

        Raises Unreachable where the commit is not known to have succeeded.
        """

    def start_commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str) -> PendingCommit:
        """Start committing as `commit` does, without waiting for the broker. Raises Unreachable."""


class Delivery(Protocol):
    """Publishes the outcomes of a batch and commits its offsets."""

    def begin(self, outcomes: Sequence[Outcome], offset_metadata: str) -> None:
        """Publish the records of a batch, wait for every acknowledgement, and start committing the offsets.

        The caller then calls `deliver` with the same batch before it begins another one. Raises what `deliver` raises.
        """

    def deliver(self, outcomes: Sequence[Outcome], offset_metadata: str) -> Sequence[Delivered]:
        """Publish the records of a batch, wait for every acknowledgement, then commit the offsets behind it.

        offset_metadata: at most 1,000 ASCII characters, committed with each offset for `Source.read_offset_metadata`.

        Returns one Delivered a message. Messages of partitions that were revoked since the poll may be missing: their
        new owner delivers them. Raises Unreachable: call it again with the same batch until it returns, polling in
        between, or abandon the batch. Raises Fatal.
        """

    def close(self) -> None:
        """Free the connections within a bounded time. Undelivered records may be lost; they stay uncommitted."""


class Sink(Protocol):
    """Publishes records; a Delivery is built on it."""

    def send(self, records: Sequence[OutputRecord]) -> Sequence[int]:
        """Queue records for sending, in order; block while too many are in flight.

        Returns the indexes of the records that are too large for their topic. Raises Unreachable, Fatal.
        """

    def flush(self) -> None:
        """Wait until every queued record is acknowledged. Raises Unreachable after the flush timeout, or Fatal."""

    def close(self) -> None:
        """Free the connections within a bounded time. Unflushed records may be lost."""


class ValueSchemas(Protocol):
    """The schemas of the values of messages, which another service has."""

    def missing(self, messages: Iterable[Message | CorruptRecord]) -> AbstractSet[int]:
        """Return the ids of the schemas of these messages that are not loaded."""

    def load(self, schema_ids: Iterable[int]) -> None:
        """Load schemas, so that decoding needs no other service. Raises Unreachable; the call may be repeated.

        A schema that does not exist counts as loaded: its messages are rejected.
        """


class PendingDecisions(Protocol):
    """A batch of decisions in flight. Call exactly one of `result()` or `cancel()`, once.

    `begin_commit()` may be called before, once `result()` of the batch before has returned. A batch that is submitted
    afterwards takes these decisions into account, although their recording has not been waited for.
    """

    def begin_commit(self) -> None:
        """Decide the articles and start recording the decisions. Raises nothing: `result()` raises the error."""

    def result(self) -> Sequence[Decision]:
        """Wait for the decisions and return them in the order of the articles.

        Raises Unreachable (any prefix of the batch may be recorded: submit the same batch again), IndexMismatch, Fatal.
        """

    def cancel(self) -> None:
        """Free the connection without waiting for the answer."""


class Index(Protocol):
    """The index of articles: recorded decisions, and the representatives of each story."""

    def submit(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> PendingDecisions:
        """Start deciding and recording articles of one namespace, in order, each in one atomic step.

        An (article id, content hash) that was decided within the retention gets its recorded decision again.
        Raises Unreachable, IndexMismatch, Fatal, as `PendingDecisions.result` does.
        """

    def close(self) -> None:
        """Free the connections."""


class Observer(Protocol):
    """Receives the loop's events; metrics, probes and logs implement it. Methods never raise and never block."""

    def polled(self, message_count: int) -> None:
        """Record that a poll completed; `message_count` may be 0."""

    def decoded(self, articles: Sequence[Article]) -> None:
        """Record the articles of a batch: their fields that were ignored or guessed."""

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        """Record that the articles of a batch were decoded and fingerprinted, and the seconds that took."""

    def stage_completed(self, stage: Stage, seconds: float) -> None:
        """See StageObserver."""

    def unexpected_error(self, error: Exception) -> None:
        """Record an exception that a step raised on one message; the message becomes a dead letter.

        The exception's text may quote the article and must not be logged; see `errors.traceback_lines`.
        """

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """Record the decisions of a batch, the seconds spent waiting for the index, and those since the poll."""

    def dead_lettered(self, message: Message | CorruptRecord, rejection: Rejection) -> None:
        """Record that a message went to the dead letters."""

    def skipped(self) -> None:
        """Record that a tombstone, or a message that is no article, was skipped."""

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """Record that the records of these messages are acknowledged and their offsets committed."""

    def unreachable(self, dependency: Dependency, reason: str, kind: OutageKind = OutageKind.UNREACHABLE) -> None:
        """Record an outage; the loop pauses until it ends. `reason` is the error's text, without secrets.

        A rebalance is reported only if it lasts longer than a rebalance should.
        """

    def reachable(self, dependency: Dependency) -> None:
        """Record the end of an outage."""

    def warm_up_progress(self, learned: int, is_waiting: bool) -> None:
        """Record the messages learned so far, and whether messages are held back for another consumer group."""

    def warm_up_over(self, learned: int) -> None:
        """Record that the warm-up ended with the first live batch."""
