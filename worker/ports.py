"""The three things the pipeline talks to. Adapters: worker/kafka, worker/redis_index, worker/memory_index.py, worker/files.py."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from worker.model import Decision, Fingerprint, Message, OutputRecord, Unreadable

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

    def rewind(self, messages: Sequence[Message | Unreadable]) -> None:
        """Have these messages delivered again by a later poll, where their partitions are still ours."""

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
