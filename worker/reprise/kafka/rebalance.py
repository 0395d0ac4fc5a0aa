"""Follow the rebalances of the consumer group: which partitions are assigned, and since which assignment."""

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import count

from kafka import AsyncConsumerRebalanceListener, TopicPartition

from reprise.model import CorruptRecord, Message
from reprise.processing.batch import next_offsets
from reprise.processing.ports import Partition


class AssignmentEpochs:
    """Number the assignments of each partition, so that a message of an earlier assignment is recognized.

    A partition that is revoked and assigned again is fetched again from its committed offset. Its messages from before
    come a second time, and committing behind the first copies would skip messages that are not delivered yet.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self._epochs: dict[Partition, int] = {}

    def epoch(self, partition: Partition) -> int:
        """Return the number of the partition's latest assignment or revocation; 0 before the first."""
        return self._epochs.get(partition, 0)

    def advance(self, partitions: Iterable[Partition]) -> None:
        """Begin a new epoch of these partitions. The client's I/O thread calls it."""
        self._epochs.update(dict.fromkeys(partitions, next(self._numbers)))

    def advance_all(self) -> None:
        """Begin a new epoch of every partition that was ever assigned."""
        self.advance(list(self._epochs))

    def owned_offsets(
        self, messages: Iterable[Message | CorruptRecord], assigned: Iterable[Partition]
    ) -> Mapping[Partition, int]:
        """Return the offsets behind those messages that this consumer may commit, by partition.

        assigned  partitions of the current assignment. The epochs alone are not enough: a partition may be revoked
                  after a poll returned its records, and before they were numbered
        """
        assigned = frozenset(assigned)
        return next_offsets(
            message
            for message in messages
            if (partition := (message.topic, message.partition)) in assigned
            and message.assignment == self.epoch(partition)
        )


class RebalanceTimer:
    """Measures the time from the moment a member leaves the stable state until it is a stable member again."""

    def __init__(self, on_rebalanced: Callable[[float], None], monotonic: Callable[[], float] = time.monotonic) -> None:
        """`on_rebalanced` is called after each rebalance with its duration in seconds."""
        self._on_rebalanced = on_rebalanced
        self._monotonic = monotonic
        self._since: float | None = None

    def update(self, is_stable: bool) -> None:
        """Record the state after a poll. A rebalance between two polls is not seen."""
        if not is_stable:
            self._since = self._monotonic() if self._since is None else self._since
        elif self._since is not None:
            seconds, self._since = self._monotonic() - self._since, None
            self._on_rebalanced(seconds)


class RebalanceListener(AsyncConsumerRebalanceListener):  # type: ignore[misc] # the client has no types
    """Calls the two functions on the client's I/O thread, where nothing may block.

    Asynchronous, because the client raises where a synchronous listener calls a method of the consumer.
    """

    def __init__(
        self,
        on_revoked: Callable[[Iterable[TopicPartition]], None],
        on_assigned: Callable[[Iterable[TopicPartition]], None],
    ) -> None:
        self._on_revoked = on_revoked
        self._on_assigned = on_assigned

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Handle a revocation. The client calls it before the revocation, during a rebalance."""
        self._on_revoked(revoked)

    async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        """Handle the removal of this member from the group like a revocation. The client calls it after the removal."""
        self._on_revoked(lost)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Handle an assignment. The client calls it after the assignment, with the new partitions only."""
        self._on_assigned(assigned)
