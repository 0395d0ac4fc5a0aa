"""Consume articles from Kafka as raw bytes, in a consumer group that commits only when the pipeline asks for it."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from kafka import KafkaConsumer, OffsetAndMetadata, TopicPartition, errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import ConsumerGroupMetadata, MemberState

from reprise.errors import Fatal, Unreachable
from reprise.kafka import client_workarounds, corrupt_records
from reprise.kafka.bounded_fetch import FetchLimits, PollBudget, bound_fetches
from reprise.kafka.clients import client_options, close_quietly, connect
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.conversions import (
    NO_OFFSET,
    milliseconds,
    to_client_offsets,
    to_input,
    to_partition,
    to_topic_partition,
)
from reprise.kafka.rebalance import AssignmentEpochs, RebalanceListener, RebalanceTimer
from reprise.model import CorruptRecord, Message, OutageKind
from reprise.processing.ports import Partition, PendingCommit
from reprise.settings.groups import KafkaSettings

#: Bytes of keys, values and headers after which a poll ends. Two batches are in hand at a time, and a text can take
#: four bytes of memory for each byte of its message; docs/operating/limits.md has the measured peak.
POLL_BYTES: Final = 8_388_608

#: Bytes of a response to a fetch, compressed: a batch and a half of pages. Each broker has one response in flight. The
#: client's default of 50 MB would be half of the worker's memory.
_FETCH_BYTES: Final = 8_388_608

#: Seconds after which the topic's partitions are read again, so that new ones are assigned within a minute. With the
#: client's five minutes, their first messages would wait that long.
_METADATA_SECONDS: Final = 30.0

#: Bytes of the largest dead letter that a producer sends: a larger message becomes a notice, so it need not be read.
_KEPT_BYTES: Final = 1_048_576

#: Bytes of key and headers that a message of the largest size may have.
_KEY_AND_HEADER_BYTES: Final = 65_536

#: Seconds for a request to the group's coordinator; one that moved is found again in one or two.
_REQUEST_SECONDS: Final = 5.0

#: Seconds that closing may take.
_CLOSE_SECONDS: Final = 5.0

#: Seconds that the group's coordinator may be unknown before a poll fails; one that moved is found again in one or two.
_COORDINATOR_SECONDS: Final = 3.0

#: Exceptions of the client about a partition that is not assigned: the client's I/O thread may remove a partition from
#: the assignment at any time between two calls.
_NOT_ASSIGNED: Final = (KeyError, ValueError, errors.IllegalStateError)


class KafkaSource:
    """The Source over a KafkaConsumer. One thread polls and commits; `lag` and `is_joined` are safe from others.

    It uses the cooperative sticky assignor: in a rebalance each worker keeps the partitions that remain assigned to it,
    so the messages in flight can still be committed. With range assignment each scaling step would revoke every
    partition, and every worker would read its batch a second time.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        *,
        batch_max: int,
        max_message_bytes: int,
        on_rebalance: Callable[[], None],
        on_rebalanced: Callable[[float], None],
        on_skipped: Callable[[Partition, int, int], None],
    ) -> None:
        """Connect and subscribe; polling joins the group.

        batch_max          largest number of messages of one poll; it also ends after POLL_BYTES
        max_message_bytes  a message that is larger by far is not read: its place has a CorruptRecord
        on_rebalance       called after each change of the assignment, on the client's I/O thread
        on_rebalanced      called by a poll after a rebalance, the first join included, with its duration in seconds
        on_skipped         called where retention deleted messages that were not delivered, with the partition, the
                           offset of the first of them and the offset at which reading continues, on that thread

        Raises Unreachable, Fatal.
        """
        self._settings = settings
        self._topics = list(topics)
        self._options = consumer_options(settings, batch_max=batch_max)
        self._batch_max = batch_max
        self._limits = FetchLimits(
            poll_bytes=POLL_BYTES, record_bytes=max(max_message_bytes, _KEPT_BYTES) + _KEY_AND_HEADER_BYTES
        )
        self._budget = PollBudget(self._limits)
        self._on_rebalance = on_rebalance
        self._on_skipped = on_skipped
        self._rebalance_timer = RebalanceTimer(on_rebalanced)
        self._is_paused = False
        #: a poll raised because of a record: until the position moves past it, the next poll would never return
        self._has_corrupt_record = False
        self._epochs = AssignmentEpochs()
        #: for each partition the offset before which every message is delivered, as far as known
        self._delivered: dict[Partition, int] = {}
        self._lag: Mapping[Partition, int] = {}
        self._connection_errors = client_workarounds.ConnectionErrorLog()
        #: monotonic time since which the group's coordinator is unknown; None while it is known
        self._coordinator_unknown_since: float | None = None
        self._resets: client_workarounds.OffsetResetWatch | None = None
        self._consumer: KafkaConsumer | None = None
        self._open()

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        """See Source."""
        consumer = self._open()
        if self._connection_errors.refused is not None:
            raise translate_kafka_error(self._connection_errors.refused, "polling")
        if self._has_corrupt_record:
            return () if self._is_paused else self._skip_corrupt_records(consumer)
        client_workarounds.fix_stuck_join(consumer)
        client_workarounds.fix_parked_records(consumer)
        self._budget.restart()
        try:
            fetched = consumer.poll(timeout_ms=milliseconds(timeout_seconds), max_records=self._batch_max)
        except Exception as error:
            return self._handle_poll_error(consumer, error)
        finally:
            self._rebalance_timer.update(self.is_joined())
        if fetched and self._is_paused:
            # A rebalance assigned the partitions unpaused, and they were fetched before they were paused.
            for partition, records in fetched.items():
                self._pause_at(consumer, partition, records[0].offset)
            return ()
        messages = [
            to_input(record, self._epochs.epoch(to_partition(partition)))
            for partition, records in fetched.items()
            for record in records
        ]
        if not messages:
            self._check_coordinator(consumer)
        self._track(messages)
        self._update_lag(consumer)
        return messages

    def commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str, timeout_seconds: float) -> None:
        """See OffsetCommitter. Raises Unreachable during a rebalance, too; polling completes it."""
        consumer = self._open()
        offsets = self._owned_offsets(consumer, messages)
        if not offsets:
            return
        try:
            consumer.commit(to_client_offsets(offsets, offset_metadata), timeout_ms=milliseconds(timeout_seconds))
        except Exception as error:
            raise translate_kafka_error(error, "committing offsets") from error
        self.mark_delivered(offsets)

    def start_commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str) -> PendingCommit:
        """See OffsetCommitter. The client's I/O thread sends the request."""
        consumer = self._open()
        offsets = self._owned_offsets(consumer, messages)
        future = None
        # Without a coordinator, the client would return the future of the search for it.
        if offsets and not client_workarounds.is_coordinator_unknown(consumer):
            try:
                future = consumer.commit_async(to_client_offsets(offsets, offset_metadata))
            except Exception as error:
                raise translate_kafka_error(error, "committing offsets") from error
        return _StartedCommit(future, lambda: self.mark_delivered(offsets))

    def prepare_commit(
        self, messages: Sequence[Message | CorruptRecord]
    ) -> tuple[ConsumerGroupMetadata, Mapping[Partition, int]]:
        """Return the group metadata for a transaction, and the offsets behind those messages that are still owned.

        The order matters: the group metadata is read before the assignment. If it were of a later generation than the
        assignment, the group would accept the offset of a partition that it assigned to another worker in between. The
        other way round the group refuses the offsets.

        Raises Unreachable where this worker is no longer a member: the group does not check offsets without generation.
        """
        consumer = self._open()
        group_metadata = consumer.group_metadata()
        offsets = self._owned_offsets(consumer, messages)
        if offsets and group_metadata.generation_id < 0:
            raise Unreachable(
                "Kafka, committing a batch: this worker has left the group; polling joins it again",
                OutageKind.REBALANCING,
            )
        return group_metadata, offsets

    def mark_delivered(self, offsets: Mapping[Partition, int]) -> None:
        """Record that every message before these offsets is delivered, which updates the lag."""
        self._delivered.update(offsets)
        self._update_lag(self._open())

    def is_committed(self, offsets: Mapping[Partition, int], timeout_seconds: float) -> bool:
        """Return whether the group has committed all these offsets. Waits for the end of open transactions.

        False where there are no offsets. Raises Unreachable, Fatal.
        """
        committed = self._fetch_committed(offsets, timeout_seconds)
        return bool(offsets) and all(committed[partition].offset >= offset for partition, offset in offsets.items())

    def read_offset_metadata(self) -> Sequence[str]:
        """See Source. Returns nothing if the answer takes too long, for example because of an open transaction."""
        try:
            committed = self._fetch_committed(self.partitions(), _REQUEST_SECONDS)
        except Unreachable as error:
            if isinstance(error.__cause__, errors.KafkaTimeoutError):
                return ()
            raise
        return [offset.metadata for offset in committed.values()]

    def pause(self) -> None:
        """See Source."""
        self._is_paused = True
        consumer = self._consumer
        if consumer is not None:
            _call_for_each(consumer.pause, consumer.assignment())

    def resume(self) -> None:
        """See Source."""
        self._is_paused = False
        consumer = self._consumer
        if consumer is not None:
            _call_for_each(consumer.resume, consumer.paused())

    def rewind(self, offsets: Mapping[Partition, int]) -> None:
        """Stop fetching these partitions until `resume`, and then fetch from these offsets.

        A rebalance may end the pause of a partition: then its messages come early, and are to be rewound again.
        """
        consumer = self._open()
        for partition, offset in offsets.items():
            self._pause_at(consumer, to_topic_partition(partition), offset)

    def close(self) -> None:
        """See Source."""
        consumer, self._consumer = self._consumer, None
        self._has_corrupt_record = False
        self._connection_errors.stop()
        if consumer is not None:
            close_quietly(lambda: consumer.close(autocommit=False, timeout_ms=milliseconds(_CLOSE_SECONDS)))

    def is_joined(self) -> bool:
        """Return whether the worker has joined the group, with or without partitions. Asks no broker."""
        consumer = self._consumer
        return consumer is not None and consumer.group_metadata().state == MemberState.STABLE

    def partitions(self) -> Sequence[Partition]:
        """Return the partitions that are assigned now, in order. Asks no broker."""
        consumer = self._consumer
        return [] if consumer is None else sorted(map(to_partition, consumer.assignment()))

    def lag(self) -> Mapping[Partition, int]:
        """Return for each assigned partition the number of messages that are not delivered, as of the last poll.

        A paused source fetches nothing, so it does not learn of new messages.
        """
        return self._lag

    def _open(self) -> KafkaConsumer:
        """Return the consumer, a new one after `close`."""
        if self._consumer is None:
            consumer = connect(lambda: KafkaConsumer(**self._options), self._settings)
            self._budget = bound_fetches(consumer, self._limits)
            self._resets = client_workarounds.OffsetResetWatch(consumer, self._on_reset)
            consumer.subscribe(self._topics, listener=RebalanceListener(self._on_revoked, self._on_assigned))
            # The new consumer fetches from the committed offsets, like after a rebalance.
            self._epochs.advance_all()
            self._delivered.clear()
            self._connection_errors.start()
            self._consumer = consumer
        return self._consumer

    def _on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Run on the client's I/O thread, where nothing may block: in particular, nothing is committed here."""
        self._begin_epoch(partitions)
        self._on_rebalance()

    def _on_assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Run on the client's I/O thread. Partitions are assigned unpaused."""
        partitions = list(partitions)
        self._begin_epoch(partitions)
        consumer = self._consumer
        if self._is_paused and consumer is not None:
            _call_for_each(consumer.pause, partitions)
        self._on_rebalance()

    def _on_reset(self, topic_partition: TopicPartition, before: int, after: int) -> None:
        """Run on the client's I/O thread."""
        partition = to_partition(topic_partition)
        self._delivered.pop(partition, None)
        if after > before:
            self._on_skipped(partition, before, after)

    def _begin_epoch(self, partitions: Iterable[TopicPartition]) -> None:
        partitions = list(partitions)
        if self._resets is not None:
            self._resets.forget(partitions)
        changed = [to_partition(partition) for partition in partitions]
        self._epochs.advance(changed)
        for partition in changed:
            self._delivered.pop(partition, None)

    def _track(self, messages: Iterable[Message | CorruptRecord]) -> None:
        """Record that everything before the first message of an assignment is delivered."""
        for message in messages:
            self._delivered.setdefault((message.topic, message.partition), message.offset)

    def _owned_offsets(
        self, consumer: KafkaConsumer, messages: Iterable[Message | CorruptRecord]
    ) -> Mapping[Partition, int]:
        return self._epochs.owned_offsets(messages, map(to_partition, consumer.assignment()))

    def _fetch_committed(
        self, partitions: Iterable[Partition], timeout_seconds: float
    ) -> Mapping[Partition, OffsetAndMetadata]:
        consumer = self._open()
        asked = {partition: to_topic_partition(partition) for partition in partitions}
        try:
            committed = client_workarounds.fetch_committed(consumer, asked.values(), timeout_seconds)
        except Exception as error:
            raise translate_kafka_error(error, "reading committed offsets") from error
        return {partition: committed.get(asked[partition], NO_OFFSET) for partition in asked}

    def _pause_at(self, consumer: KafkaConsumer, partition: TopicPartition, offset: int) -> None:
        with suppress(*_NOT_ASSIGNED):
            consumer.pause(partition)
            consumer.seek(partition, offset)

    def _update_lag(self, consumer: KafkaConsumer) -> None:
        lag = {}
        for topic_partition in consumer.assignment():
            with suppress(*_NOT_ASSIGNED):
                high_water = consumer.highwater(topic_partition)
                if high_water is not None:
                    partition = to_partition(topic_partition)
                    # Without a message since the assignment, the fetch that returned the high water mark was empty.
                    lag[partition] = max(0, high_water - self._delivered.get(partition, high_water))
        self._lag = lag

    def _handle_poll_error(self, consumer: KafkaConsumer, error: Exception) -> Sequence[CorruptRecord]:
        translated = translate_kafka_error(error, "polling")
        if isinstance(translated, Fatal) or not corrupt_records.may_come_from_record(error):
            raise translated from error
        self._has_corrupt_record = True
        if self._is_paused:  # The fetch began before the pause; a paused source returns no messages.
            return ()
        return self._skip_corrupt_records(consumer)

    def _skip_corrupt_records(self, consumer: KafkaConsumer) -> Sequence[CorruptRecord]:
        """Return the corrupt records and seek behind them; without any, replace the consumer."""
        found = corrupt_records.find_corrupt_records(
            self._settings, self._options, self._positions(consumer), self._limits
        )
        if not found:
            # The record decodes now, but the failed decoder is still in the consumer's queue. A new consumer starts
            # from the committed offsets.
            self.close()
            return ()
        for record in found:
            with suppress(*_NOT_ASSIGNED):
                consumer.seek(TopicPartition(record.topic, record.partition), record.offset + 1)
        self._has_corrupt_record = False
        numbered = [
            replace(record, assignment=self._epochs.epoch((record.topic, record.partition))) for record in found
        ]
        self._track(numbered)
        return numbered

    def _check_coordinator(self, consumer: KafkaConsumer) -> None:
        """Raise Unreachable where the group's coordinator has been unknown for too long."""
        if not client_workarounds.is_coordinator_unknown(consumer):
            self._coordinator_unknown_since = None
            return
        now = time.monotonic()
        if self._coordinator_unknown_since is None:
            self._coordinator_unknown_since = now
        if now - self._coordinator_unknown_since >= _COORDINATOR_SECONDS:
            raise Unreachable("Kafka, polling: the group's coordinator is unreachable")

    def _positions(self, consumer: KafkaConsumer) -> Mapping[TopicPartition, int]:
        positions = {}
        for partition in consumer.assignment():
            with suppress(*_NOT_ASSIGNED, errors.KafkaTimeoutError):
                position = consumer.position(partition, timeout_ms=milliseconds(_REQUEST_SECONDS))
                if position is not None:
                    positions[partition] = position
        return positions


class _StartedCommit:
    """See PendingCommit. Without a future nothing was sent."""

    def __init__(self, future: Any, on_success: Callable[[], None]) -> None:
        self._future = future
        self._on_success = on_success
        self._is_done = threading.Event()
        if future is not None:
            future.add_both(lambda _: self._is_done.set())

    def wait(self, timeout_seconds: float) -> bool:
        """See PendingCommit."""
        if self._future is None or not self._is_done.wait(timeout_seconds) or not self._future.succeeded():
            return False
        self._on_success()
        return True


def consumer_options(settings: KafkaSettings, *, batch_max: int) -> dict[str, Any]:
    """Return the options of the group's consumer."""
    return client_options(settings) | {
        "group_id": settings.group_id,
        "group_instance_id": settings.group_instance_id,
        "auto_offset_reset": settings.auto_offset_reset,
        "enable_auto_commit": False,
        "partition_assignment_strategy": (CooperativeStickyAssignor,),
        "session_timeout_ms": milliseconds(settings.session_timeout_seconds),
        # At most a third of the session timeout: two heartbeats may be lost before the group removes this worker.
        "heartbeat_interval_ms": milliseconds(min(3.0, settings.session_timeout_seconds / 3)),
        "max_poll_interval_ms": milliseconds(settings.max_poll_interval_seconds),
        "max_poll_records": batch_max,
        "fetch_max_bytes": _FETCH_BYTES,
        "metadata_max_age_ms": milliseconds(_METADATA_SECONDS),
        # Articles of a transaction are read after its commit. Also, where an offset belongs to an open transaction, the
        # client then waits for its end (KIP-447); else it would start before a batch that is being published.
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


def _call_for_each(action: Callable[[TopicPartition], None], partitions: Iterable[TopicPartition]) -> None:
    """Call the action with each partition that is still assigned."""
    for partition in partitions:
        with suppress(*_NOT_ASSIGNED):
            action(partition)
