"""Events, dead letters and positions in one Kafka transaction: a `read_committed` reader sees each event exactly once.

The transactional id belongs to the member of the group, not to its partitions, and what fences is the group's
generation (KIP-447): positions of somebody who is a member no more are refused, and with them the events; the reasons
are in docs/concepts/delivery.md.
"""

import time
from collections.abc import Sequence
from uuid import uuid4

from reprise.errors import RepriseError
from reprise.kafka import transactions
from reprise.kafka.consumer import KafkaSource, offsets
from reprise.kafka.producer import KafkaSink
from reprise.model import Delivered, Outcome
from reprise.processing.at_least_once import publish
from reprise.settings.groups import KafkaSettings


def transactional_id(settings: KafkaSettings) -> str:
    """Name this member: by its static name, so that its successor ends at once what it left open, else by chance."""
    return f"{settings.group_id}-{settings.group_instance_id or uuid4().hex}"


class Transactional:
    """The Delivery in which a batch is told whole and once, or not at all.

    Whatever fails, the producer is given up. The next one has the same transactional id, and begins by ending what the
    last one left open; the positions that are committed then tell how it ended.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        source: KafkaSource,
        *,
        flush_timeout_seconds: float,
    ) -> None:
        """Connect. Raises Unreachable, Fatal."""
        self._source = source
        self._flush_timeout_seconds = flush_timeout_seconds
        self._sink = KafkaSink(
            settings, flush_timeout_seconds=flush_timeout_seconds, transactional_id=transactional_id(settings)
        )
        #: what was sent in a transaction of which nobody said whether it is committed
        self._in_doubt: Sequence[Delivered] = ()

    def deliver(self, outcomes: Sequence[Outcome], offset_metadata: str) -> Sequence[Delivered]:
        """See Delivery. Leaves out what a rebalance took away."""
        self._sink.start()
        try:
            delivered = self._deliver(outcomes, offset_metadata, time.monotonic() + self._flush_timeout_seconds)
        except RepriseError:
            self._sink.close()
            raise
        self._in_doubt = ()
        return delivered

    def close(self) -> None:
        """See Delivery."""
        self._sink.close()

    def _deliver(self, outcomes: Sequence[Outcome], offset_metadata: str, until: float) -> Sequence[Delivered]:
        producer = self._sink.open()
        member, ours = self._source.claim([outcome.message for outcome in outcomes])
        if self._in_doubt and self._source.is_committed(ours, until - time.monotonic()):
            self._source.committed(ours)
            return self._in_doubt
        self._in_doubt = ()
        left = [outcome for outcome in outcomes if (outcome.message.topic, outcome.message.partition) in ours]
        if not left:
            return ()
        try:
            producer.begin_transaction()
        except Exception as error:
            raise self._sink.failed(error, "beginning a transaction") from error
        delivered = publish(left, self._sink)
        self._sink.flush()
        self._in_doubt = delivered
        try:
            transactions.send_offsets(producer, offsets(ours, offset_metadata), member, until - time.monotonic())
            transactions.commit(producer, until - time.monotonic())
        except Exception as error:
            raise self._sink.failed(error, "committing a transaction") from error
        self._source.committed(ours)
        return delivered
