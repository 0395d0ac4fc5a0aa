"""Articles out of Kafka: raw bytes, in a consumer group, committed only when the pipeline says so."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any, Final

from kafka import AsyncConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata, TopicPartition, errors
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.structs import ConsumerGroupMetadata, MemberState

from reprise.errors import Fatal, Unreachable
from reprise.kafka import client_workarounds, corrupt_records
from reprise.kafka.clients import (
    client_options,
    close_quietly,
    connect,
    milliseconds,
)
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.model import CorruptRecord, Message
from reprise.processing.batch import next_offsets
from reprise.processing.ports import Partition
from reprise.settings.groups import KafkaSettings

#: Seconds for what the group's coordinator answers at once; one that moved is found again in one or two.
_ASK_SECONDS: Final = 5.0

#: Seconds that closing may take.
_CLOSE_SECONDS: Final = 5.0

#: Seconds that the group's coordinator may be unknown: one that moved is found again in one or two.
_LOST_SECONDS: Final = 3.0

#: A partition may leave the assignment, on the client's I/O thread, between our asking for it and our naming it.
_GONE: Final = (KeyError, ValueError, errors.IllegalStateError)


class KafkaSource:
    """The Source over a KafkaConsumer. One thread polls and commits; `lag` and `assigned` may be asked from others.

    Assigned by the cooperative sticky assignor: in a rebalance each worker keeps the partitions that stay its own, so
    what is in hand stays committable. With range assignment each scaling step would revoke everything from everybody,
    and every worker would read its batch a second time.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        *,
        batch_max: int,
        rebalanced: Callable[[], None] = lambda: None,
    ) -> None:
        """Connect and subscribe; the group is joined by polling. `rebalanced` is called from the client's I/O thread.

        Raises Unreachable, Fatal.
        """
        self._settings = settings
        self._topics = list(topics)
        self._batch_max = batch_max
        self._options = consumer_options(settings, batch_max=batch_max)
        self._rebalanced = rebalanced
        self._paused = False
        #: the client raised of a record: polling it again would spin without end, until the position is moved
        self._suspected = False
        #: changes of the assignment, and for each partition the last one that it was in: what was polled before that
        #: comes again, from where the group's offset is, and is not ours to commit any more
        self._changes = count(1)
        self._changed: dict[Partition, int] = {}
        #: for each partition the position before which all is delivered, as far as known
        self._delivered: dict[Partition, int] = {}
        self._lag: Mapping[Partition, int] = {}
        self._refusals = client_workarounds.ConnectionErrorLog()
        #: since when the group's coordinator is unknown, on the clock that only grows
        self._lost_since: float | None = None
        self._consumer: KafkaConsumer | None = None
        self._open()

    def poll(self, timeout_seconds: float) -> Sequence[Message | CorruptRecord]:
        """See Source."""
        consumer = self._open()
        if self._refusals.refused is not None:
            raise translate_kafka_error(self._refusals.refused, "polling")
        if self._suspected:
            if self._paused:
                return ()
            return self._skip_damage(consumer)
        client_workarounds.fix_stuck_join(consumer)
        client_workarounds.fix_parked_records(consumer)
        try:
            fetched = consumer.poll(timeout_ms=milliseconds(timeout_seconds), max_records=self._batch_max)
        except Exception as error:
            return self._handle_poll_error(consumer, error)
        if fetched and self._paused:
            self._put_back(consumer, fetched)
            return ()
        messages = [
            message_of(record, self._changed.get(_key(partition), 0))
            for partition, records in fetched.items()
            for record in records
        ]
        if not messages:
            self._check_coordinator(consumer)
        self._track(messages)
        self._update_lag(consumer)
        return messages

    def commit(self, messages: Sequence[Message | CorruptRecord], offset_metadata: str, timeout_seconds: float) -> None:
        """Record that these messages are delivered, and all before them; those of partitions lost since are left out.

        Raises Unreachable when it is not known to have happened. A rebalance in progress is that too: polling ends it.
        """
        consumer = self._open()
        ours = self._ours(consumer, messages)
        if not ours:
            return
        try:
            consumer.commit(offsets(ours, offset_metadata), timeout_ms=milliseconds(timeout_seconds))
        except Exception as error:
            raise translate_kafka_error(error, "committing offsets") from error
        self.committed(ours)

    def claim(
        self, messages: Sequence[Message | CorruptRecord]
    ) -> tuple[ConsumerGroupMetadata, Mapping[Partition, int]]:
        """Give the membership to commit with in a transaction, and the positions behind those messages that are ours.

        The membership is asked first. Had it a later generation than our knowledge of the partitions, the group would
        take a position of a partition that it has given away in between; the other way round it refuses.
        Raises Unreachable where we are a member no more: positions without a generation are taken from anybody.
        """
        consumer = self._open()
        member = consumer.group_metadata()
        ours = self._ours(consumer, messages)
        if ours and member.generation_id < 0:
            raise Unreachable("Kafka, claiming a batch: the group has dropped this worker; polling joins it again")
        return member, ours

    def committed(self, ours: Mapping[Partition, int]) -> None:
        """Take note that everything before these positions is delivered."""
        self._delivered.update(ours)
        self._update_lag(self._open())

    def is_committed(self, positions: Mapping[Partition, int], seconds: float) -> bool:
        """Ask the group whether everything before these positions is delivered. Waits for transactions that are open.

        Raises Unreachable, Fatal.
        """
        found = self._committed(positions, seconds)
        return bool(positions) and all(found[partition].offset >= position for partition, position in positions.items())

    def read_offset_metadata(self) -> Sequence[str]:
        """See Source."""
        return [found.metadata for found in self._committed(self.partitions(), _ASK_SECONDS).values()]

    def pause(self) -> None:
        """See Source."""
        self._paused = True
        consumer = self._consumer
        if consumer is not None:
            _each(consumer.pause, consumer.assignment())

    def resume(self) -> None:
        """See Source."""
        self._paused = False
        consumer = self._consumer
        if consumer is not None:
            _each(consumer.resume, consumer.paused())

    def rewind(self, offsets: Mapping[Partition, int]) -> None:
        """Fetch nothing more of these partitions until `resume`, and then begin at these positions.

        After a rebalance a partition comes unpaused: the same messages come again, to be put back again.
        """
        consumer = self._open()
        for partition, position in offsets.items():
            self._unread(consumer, TopicPartition(*partition), position)

    def close(self) -> None:
        """See Source."""
        consumer, self._consumer = self._consumer, None
        self._suspected = False
        self._refusals.stop()
        if consumer is not None:
            close_quietly(lambda: consumer.close(autocommit=False, timeout_ms=milliseconds(_CLOSE_SECONDS)))

    def assigned(self) -> bool:
        """Say whether the group is joined, be it without a partition (a spare worker). Asks no broker."""
        consumer = self._consumer
        return consumer is not None and consumer.group_metadata().state == MemberState.STABLE

    def partitions(self) -> Sequence[Partition]:
        """List the partitions that are assigned now. Asks no broker."""
        consumer = self._consumer
        return [] if consumer is None else sorted(_key(partition) for partition in consumer.assignment())

    def lag(self) -> Mapping[Partition, int]:
        """Give for each assigned partition the messages behind the last delivered one, as of the last poll.

        While paused nothing is fetched, so nothing is heard of new messages.
        """
        return self._lag

    def _open(self) -> KafkaConsumer:
        if self._consumer is None:
            consumer = connect(lambda: KafkaConsumer(**self._options), self._settings)
            consumer.subscribe(self._topics, listener=_RebalanceListener(self._on_revoked, self._on_assigned))
            self._change([TopicPartition(*key) for key in self._changed])
            self._refusals.start()
            self._consumer = consumer
        return self._consumer

    def _on_revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """Run on the client's I/O thread, where nothing may block: in particular, nothing is committed here."""
        self._change(partitions)
        self._rebalanced()

    def _on_assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """Run on the client's I/O thread. New partitions come unpaused."""
        partitions = list(partitions)
        self._change(partitions)
        consumer = self._consumer
        if self._paused and consumer is not None:
            _each(consumer.pause, partitions)
        self._rebalanced()

    def _change(self, partitions: Iterable[TopicPartition]) -> None:
        change = next(self._changes)
        for partition in partitions:
            self._changed[_key(partition)] = change
            self._delivered.pop(_key(partition), None)

    def _track(self, messages: Iterable[Message | CorruptRecord]) -> None:
        for message in messages:
            self._delivered.setdefault((message.topic, message.partition), message.offset)

    def _ours(self, consumer: KafkaConsumer, messages: Iterable[Message | CorruptRecord]) -> Mapping[Partition, int]:
        # a partition may be taken between a poll and its messages' being made: so the assignment has a say, too
        assigned = {_key(partition) for partition in consumer.assignment()}
        return next_offsets(
            message
            for message in messages
            if (key := (message.topic, message.partition)) in assigned
            and message.assignment == self._changed.get(key, 0)
        )

    def _committed(self, partitions: Iterable[Partition], seconds: float) -> Mapping[Partition, OffsetAndMetadata]:
        consumer, until = self._open(), time.monotonic() + seconds
        found = {}
        for partition in partitions:
            left_ms = milliseconds(until - time.monotonic())
            try:
                committed = consumer.committed(TopicPartition(*partition), metadata=True, timeout_ms=left_ms)
            except Exception as error:
                raise translate_kafka_error(error, "asking for committed offsets") from error
            found[partition] = committed or OffsetAndMetadata(-1, "", -1)
        return found

    def _put_back(self, consumer: KafkaConsumer, fetched: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Undo a fetch that slipped between an assignment and its pause."""
        for partition, records in fetched.items():
            self._unread(consumer, partition, records[0].offset)

    def _unread(self, consumer: KafkaConsumer, partition: TopicPartition, position: int) -> None:
        with suppress(*_GONE):
            consumer.pause(partition)
            consumer.seek(partition, position)

    def _update_lag(self, consumer: KafkaConsumer) -> None:
        lag = {}
        for partition in consumer.assignment():
            with suppress(*_GONE):
                highwater = consumer.highwater(partition)
                if highwater is not None:
                    # nothing handed out since the assignment: the fetch that told the high water mark was empty
                    delivered = self._delivered.get(_key(partition), highwater)
                    lag[_key(partition)] = max(0, highwater - delivered)
        self._lag = lag

    def _handle_poll_error(self, consumer: KafkaConsumer, error: Exception) -> Sequence[CorruptRecord]:
        meant = translate_kafka_error(error, "polling")
        if isinstance(meant, Fatal) or not corrupt_records.is_of_a_record(error):
            raise meant from error
        self._suspected = True
        if self._paused:  # a fetch that slipped in before the pause; whoever waits takes no messages now
            return ()
        return self._skip_damage(consumer)

    def _skip_damage(self, consumer: KafkaConsumer) -> Sequence[CorruptRecord]:
        """Step over the positions that cannot be decoded and report them; without any, begin with a new consumer."""
        found = corrupt_records.find(self._settings, self._options, self._positions(consumer))
        if not found:
            # not to be found, but the decoder that raised is still in line: a new consumer begins at what is committed
            self.close()
            return ()
        for unreadable in found:
            with suppress(*_GONE):
                consumer.seek(TopicPartition(unreadable.topic, unreadable.partition), unreadable.offset + 1)
        self._suspected = False
        held = [replace(each, assignment=self._changed.get((each.topic, each.partition), 0)) for each in found]
        self._track(held)
        return held

    def _check_coordinator(self, consumer: KafkaConsumer) -> None:
        """Raise Unreachable where the group is out of reach: to the client that is a topic without news."""
        if not client_workarounds.is_coordinator_unknown(consumer):
            self._lost_since = None
            return
        now = time.monotonic()
        self._lost_since = now if self._lost_since is None else self._lost_since
        if now - self._lost_since >= _LOST_SECONDS:
            raise Unreachable("Kafka, polling: the group's coordinator is out of reach")

    def _positions(self, consumer: KafkaConsumer) -> Mapping[TopicPartition, int]:
        positions = {}
        for partition in consumer.assignment():
            with suppress(*_GONE, errors.KafkaTimeoutError):
                position = consumer.position(partition, timeout_ms=milliseconds(_ASK_SECONDS))
                if position is not None:
                    positions[partition] = position
        return positions


def consumer_options(settings: KafkaSettings, *, batch_max: int) -> dict[str, Any]:
    """Return the options of the group's consumer."""
    return client_options(settings) | {
        "group_id": settings.group_id,
        "group_instance_id": settings.group_instance_id,
        "auto_offset_reset": settings.auto_offset_reset,
        "enable_auto_commit": False,
        "partition_assignment_strategy": (CooperativeStickyAssignor,),
        "session_timeout_ms": milliseconds(settings.session_timeout_seconds),
        # at most a third of the session: two heartbeats may be lost before the group believes us dead
        "heartbeat_interval_ms": milliseconds(min(3.0, settings.session_timeout_seconds / 3)),
        "max_poll_interval_ms": milliseconds(settings.max_poll_interval_seconds),
        "max_poll_records": batch_max,
        # articles that a transaction wrote count once it is committed; and of an offset whose transaction is under
        # way the client then waits for the end (KIP-447), where it would begin before a batch that is being told
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }


class _RebalanceListener(AsyncConsumerRebalanceListener):  # type: ignore[misc] # the client has no types
    """Async by the client's rule: a synchronous listener may not even ask it anything."""

    def __init__(
        self, taken: Callable[[Iterable[TopicPartition]], None], given: Callable[[Iterable[TopicPartition]], None]
    ) -> None:
        self._on_revoked = taken
        self._on_assigned = given

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._on_revoked(revoked)

    async def on_partitions_lost(self, lost: Iterable[TopicPartition]) -> None:
        self._on_revoked(lost)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._on_assigned(assigned)


def message_of(record: Any, assignment: int = 0) -> Message:
    """Turn the client's record into ours."""
    return Message(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=tuple((name, value or b"") for name, value in record.headers),
        # -1 is the client's word for "unknown"
        timestamp_ms=record.timestamp if record.timestamp >= 0 else None,
        assignment=assignment,
    )


def offsets(positions: Mapping[Partition, int], note: str) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """Write positions as the client takes them, each with the note."""
    return {TopicPartition(*partition): OffsetAndMetadata(at, note, -1) for partition, at in positions.items()}


def _key(partition: TopicPartition) -> Partition:
    return (partition.topic, partition.partition)


def _each(act: Callable[[TopicPartition], None], partitions: Iterable[TopicPartition]) -> None:
    for partition in partitions:
        with suppress(*_GONE):
            act(partition)
