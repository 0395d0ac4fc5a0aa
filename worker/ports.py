"""What the pipeline talks to.

Adapters: worker/kafka, worker/redis_index, worker/memory_index.py, worker/files.py, worker/metrics.py,
worker/health.py.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from worker.model import DeadReason, Decision, Fingerprint, Message, OutputRecord, Unreadable

#: topic, partition
Partition = tuple[str, int]


class Source(Protocol):
    """Where messages come from. Positions are those of the next message to read, as Kafka commits them."""

    def poll(self, timeout_seconds: float) -> Sequence[Message | Unreadable]:
        """Wait up to `timeout_seconds` for messages, at most one batch; an empty answer is normal.

        Keeps the group membership alive, so it is called on also while paused. Raises Unreachable, Fatal.
        """

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Record that everything before these positions is delivered. Partitions lost since are left out.

        Raises Unreachable when the commit is not known to have happened.
        """

    def pause(self) -> None:
        """Fetch nothing from now on, through rebalances too; poll answers empty."""

    def resume(self) -> None:
        """Undo pause."""

    def close(self) -> None:
        """Leave the group and free everything, within a bounded time. Commits nothing."""


class Sink(Protocol):
    """Where records go."""

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

    def decide(self, namespace: str, fingerprints: Sequence[Fingerprint], now_ms: int) -> Sequence[Decision]:
        """Decide and record each article, one atomic step each, in order; one round trip a batch.

        An (article id, content hash) that was decided before within its retention gets that decision again.
        Raises Unreachable (any prefix may have been recorded: call again with the same batch), IndexMismatch, Fatal.
        """

    def close(self) -> None:
        """Free the connections."""


class Observer(Protocol):
    """What the pipeline tells of itself as it goes; metrics and health listen. Never raises, never blocks."""

    def polled(self, messages: int) -> None:
        """A poll completed with so many messages, none included: the loop is alive."""

    def fingerprinted(self, articles: int, seconds: float) -> None:
        """So many messages of a batch became articles with signatures; the whole batch took `seconds` to be read."""

    def failed(self, error: Exception) -> None:
        """A step raised on one message what it should not; the message becomes a dead letter.

        The error's own words may quote the article and are for nobody; see worker/errors.py, `calls`.
        """

    def decided(self, decisions: Sequence[Decision], seconds: float) -> None:
        """The index answered a batch in `seconds`."""

    def binned(self, reason: DeadReason) -> None:
        """A message went to the dead letters."""

    def skipped(self) -> None:
        """A tombstone was skipped."""

    def delivered(self, messages: Sequence[Message | Unreadable]) -> None:
        """Everything these messages led to is acknowledged and their offsets are committed."""

    def unreachable(self, dependency: str) -> None:
        """One of `redis` and `kafka` did not answer; the pipeline is paused until it does."""

    def reachable(self, dependency: str) -> None:
        """It answers again."""
