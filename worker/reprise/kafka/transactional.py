"""Publish events and commit offsets in one Kafka transaction, so that a `read_committed` reader sees each event once.

The transactional id belongs to the member of the group, not to a partition. The generation of the group is the fence
(KIP-447): the group refuses the offsets of a worker that is no longer a member, and with them its events. The reasons
are in docs/concepts/delivery.md.
"""

import time
from collections.abc import Sequence
from uuid import uuid4

from reprise.errors import RepriseError
from reprise.kafka import client_workarounds
from reprise.kafka.consumer import KafkaSource
from reprise.kafka.conversions import to_client_offsets
from reprise.kafka.producer import KafkaSink
from reprise.model import Delivered, Outcome, Stage
from reprise.processing.at_least_once import publish
from reprise.processing.ports import StageObserver, ignore_stage
from reprise.settings.groups import KafkaSettings


def transactional_id(settings: KafkaSettings) -> str:
    """Return the transactional id of this member of the group.

    With static membership it is stable, so a restarted worker fences its predecessor and aborts its open transaction;
    otherwise it is random.
    """
    return f"{settings.group_id}-{settings.group_instance_id or uuid4().hex}"


class Transactional:
    """The Delivery that publishes a batch exactly once: in whole, or not at all.

    After any failure the producer is closed. The next producer has the same transactional id, and its initialization
    completes or aborts the open transaction. The committed offsets then show which of the two happened.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        source: KafkaSource,
        *,
        flush_timeout_seconds: float,
        observe_stage: StageObserver = ignore_stage,
    ) -> None:
        """Connect a producer. Raises Unreachable, Fatal.

        flush_timeout_seconds  time for one attempt to deliver a batch, its commit included
        """
        self._source = source
        self._flush_timeout_seconds = flush_timeout_seconds
        self._observe_stage = observe_stage
        self._sink = KafkaSink(
            settings, flush_timeout_seconds=flush_timeout_seconds, transactional_id=transactional_id(settings)
        )
        #: the batch that `begin` has delivered
        self._begun: tuple[Sequence[Outcome], Sequence[Delivered]] = ((), ())
        #: the batch of a transaction of which it is unknown whether it was committed
        self._in_doubt: Sequence[Delivered] = ()

    def begin(self, outcomes: Sequence[Outcome], offset_metadata: str) -> None:
        """See Delivery. The transaction is committed here: its events are readable only then."""
        self._begun = outcomes, self.deliver(outcomes, offset_metadata)

    def deliver(self, outcomes: Sequence[Outcome], offset_metadata: str) -> Sequence[Delivered]:
        """See Delivery. Leaves out the messages of partitions that were revoked since the poll."""
        begun, self._begun = self._begun, ((), ())
        if begun[0] is outcomes:
            return begun[1]
        self._sink.start_timeout()
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

    def _deliver(self, outcomes: Sequence[Outcome], offset_metadata: str, deadline: float) -> Sequence[Delivered]:
        producer = self._sink.open()
        group_metadata, offsets = self._source.prepare_commit([outcome.message for outcome in outcomes])
        if self._in_doubt and self._source.is_committed(offsets, deadline - time.monotonic()):
            self._source.mark_delivered(offsets)
            return self._in_doubt
        self._in_doubt = ()
        owned = [outcome for outcome in outcomes if (outcome.message.topic, outcome.message.partition) in offsets]
        if not owned:
            return ()
        try:
            producer.begin_transaction()
        except Exception as error:
            raise self._sink.abandon_producer(error, "beginning a transaction") from error
        started = time.monotonic()
        delivered = publish(owned, self._sink)
        self._sink.flush()
        published = time.monotonic()
        self._observe_stage(Stage.PUBLISH, published - started)
        self._in_doubt = delivered
        try:
            client_workarounds.send_offsets_to_transaction(
                producer, to_client_offsets(offsets, offset_metadata), group_metadata, deadline - time.monotonic()
            )
            client_workarounds.commit_transaction(producer, deadline - time.monotonic())
        except Exception as error:
            raise self._sink.abandon_producer(error, "committing a transaction") from error
        self._observe_stage(Stage.OFFSETS, time.monotonic() - published)
        self._source.mark_delivered(offsets)
        return delivered
