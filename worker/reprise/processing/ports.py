"""What the pipeline talks to.

Adapters: reprise/kafka, reprise/delivery.py, reprise/redis_index, reprise/memory_index.py, reprise/files.py,
reprise/observability.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from reprise.model import (
    CorruptRecord,
    DeadLetterReason,
    Decision,
    Dependency,
    Fingerprint,
    Message,
    Outcome,
    OutputRecord,
)

#: topic, partition
Partition = tuple[str, int]


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class Answers:
    """What an index was asked for and has not told yet. One of the two is called, once.

    wait  waits for the decisions, in the order of the articles
    drop  waits for nothing, and frees what was kept for the answer
    """

    wait: Callable[[], Sequence[Decision]]
    drop: Callable[[], None] = _nothing


class Source(Protocol):
    """Where messages come from."""

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        """Wait up to `timeout_seconds` for messages, at most one batch; an empty answer is normal.

        Keeps the group membership alive, so it is called on also while paused. Raises Unreachable, Fatal.
        """

    def notes(self) -> Sequence[str]:
        """Give what was last noted at the partitions that are assigned now. Raises Unreachable, Fatal."""

    def pause(self) -> None:
        """Fetch nothing from now on, through rebalances too; poll answers empty."""

    def resume(self) -> None:
        """Undo pause."""

    def close(self) -> None:
        """Leave the group and free everything, within a bounded time. Commits nothing."""


class Delivery(Protocol):
    """How what a batch leads to goes out, and the position behind the batch with it."""

    def deliver(self, outcomes: Sequence[Outcome], note: str) -> Sequence[tuple[Outcome, int]]:
        """Send the records of a batch; when all are acknowledged, commit that everything up to its end is delivered.

        note: at most 1,000 ASCII characters that are kept with the positions, for Source.notes.

        Returns the outcomes that were delivered, each with the number of its record that was sent. What a rebalance
        took away since the poll may be left out: it is its new owner's to deliver.
        Raises Unreachable: call again with the same batch until it returns, polling between, or give it up. Fatal.
        """

    def close(self) -> None:
        """Free everything within a bounded time. What was not delivered may be lost, and stays uncommitted."""


class Sink(Protocol):
    """Where records go: what a Delivery is made of."""

    def send(self, records: Sequence[OutputRecord]) -> Sequence[int]:
        """Hand records over for sending, in order; blocks when too many are in flight.

        Returns the indexes of records that are too large to be sent at all. Raises Unreachable, Fatal.
        """

    def flush(self) -> None:
        """Return when every record handed over is acknowledged. Raises Unreachable if any is not in time, or Fatal."""

    def close(self) -> None:
        """Free everything within a bounded time. Records that were not flushed may be lost."""


class Index(Protocol):
    """The memory of the worker: articles seen, their decisions, the representatives of each story."""

    def ask(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Answers:
        """Begin to decide and record articles of one namespace, one atomic step each, in order; one round trip in all.

        An (article id, content hash) that was decided before within its retention gets that decision again.
        Both halves raise Unreachable (any prefix may have been recorded: ask again for the same batch), IndexMismatch,
        Fatal.
        """

    def close(self) -> None:
        """Free the connections."""


class Observer(Protocol):
    """Receive the pipeline's progress, for metrics, probes and logs. Methods never raise and never block."""

    def polled(self, message_count: int) -> None:
        """Record a completed poll and the number of its messages; an empty poll, too, shows that the loop runs."""

    def fingerprinted(self, article_count: int, seconds: float) -> None:
        """Record the articles of a batch that have a fingerprint now, and the seconds that the whole batch took."""

    def unexpected_error(self, error: Exception) -> None:
        """Record an error that no step should raise; the message becomes a dead letter.

        Its text may quote the article, so an observer must not publish it: see `calls` in reprise/errors.py.
        """

    def decided(self, decisions: Sequence[Decision], index_wait_seconds: float, batch_seconds: float) -> None:
        """Record the decisions of a batch.

        index_wait_seconds  time that the loop waited for the index
        batch_seconds       time since the batch was polled
        """

    def dead_lettered(self, reason: DeadLetterReason, message: Message | CorruptRecord) -> None:
        """Record a message that was sent to the dead-letter topic."""

    def skipped(self) -> None:
        """Record a tombstone, which produces no record."""

    def delivered(self, messages: Sequence[Message | CorruptRecord]) -> None:
        """Record messages whose records are all acknowledged and whose offsets are committed."""

    def unreachable(self, dependency: Dependency, reason: str) -> None:
        """Record the start of an outage; the pipeline pauses until it ends. `reason` holds no secrets."""

    def reachable(self, dependency: Dependency) -> None:
        """Record the end of an outage."""
