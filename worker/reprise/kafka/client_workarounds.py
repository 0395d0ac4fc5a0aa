"""Workarounds for defects of kafka-python, and every use of its private names.

Each function names the version in which the defect was met, the upstream issue where one is known, and the condition
under which the function can be removed. Two more workarounds have modules of their own: bounded_fetch.py, and
corrupt_records.py, which needs public names only.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition, errors
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport
from kafka.structs import ConsumerGroupMetadata

from reprise import tls_errors
from reprise.kafka.connection_errors import REFUSALS, TlsRefusedError
from reprise.kafka.conversions import milliseconds
from reprise.model import OutputRecord

#: The client's logger of connections. It logs each lost connection at level ERROR, with the exception as an argument.
_CONNECTION_LOGGER: Final = logging.getLogger("kafka.net.connection")

#: Errors of a broker for a producer whose transactional id a newer producer has taken.
_FENCED: Final = (errors.ProducerFencedError, errors.InvalidProducerEpochError)


class ConnectionErrorLog(logging.Handler):
    """Collect from the client's log why connections were lost.

    refused  the first refusal: an error that persists until the settings or the rights change; None before one
    latest   the last error of any kind; None before one

    Defect: while it bootstraps, the client retries after every error, and in the end raises KafkaTimeoutError without
    the cause. So a wrong password or a refused certificate looks like a broker that is down.
    Met with: 3.0.12, although it includes https://github.com/dpkp/kafka-python/pull/2994 (raise
    SaslAuthenticationFailedError / AuthorizationError on connect).
    Remove when: constructors, `poll` and `flush` raise the error of the connection.
    """

    def __init__(self) -> None:
        super().__init__(level=logging.ERROR)
        self.refused: Exception | None = None
        self.latest: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exceptions among the arguments of a log record."""
        for argument in record.args if isinstance(record.args, tuple) else ():
            if isinstance(argument, Exception):
                tls_reason = tls_errors.permanent_tls_failure(str(argument))
                self.latest = TlsRefusedError(tls_reason) if tls_reason else argument
                if self.refused is None and isinstance(self.latest, REFUSALS):
                    self.refused = self.latest

    def start(self) -> None:
        """Start collecting."""
        _CONNECTION_LOGGER.addHandler(self)

    def stop(self) -> None:
        """Stop collecting; the errors collected so far stay."""
        _CONNECTION_LOGGER.removeHandler(self)


@contextmanager
def collected_connection_errors() -> Iterator[ConnectionErrorLog]:
    """Collect connection errors while the block runs; see ConnectionErrorLog."""
    connection_errors = ConnectionErrorLog()
    connection_errors.start()
    try:
        yield connection_errors
    finally:
        connection_errors.stop()


def keep_data_before_disconnect() -> None:
    """Patch the client's transports so that they deliver the data received right before a disconnect. Idempotent.

    Defect: where the last bytes and the end of the connection arrive together, the client drops the bytes. A broker
    answers a wrong password and closes the connection at once, so its answer is lost.
    Met with: 3.0.12. Upstream: no issue known.
    Remove when: `_read_from_sock` passes the data to `data_received` before it aborts the connection.
    """
    for transport in (KafkaTCPTransport, KafkaSSLTransport):
        if not hasattr(transport._sock_recv, "__wrapped__"):
            transport._sock_recv = _data_before_error(transport._sock_recv)


def _data_before_error(receive: Callable[[Any], tuple[bytes, Any]]) -> Callable[[Any], tuple[bytes, Any]]:
    @wraps(receive)
    def receive_data_first(transport: Any) -> tuple[bytes, Any]:
        data, error = receive(transport)
        # The next read meets the end of the connection again, and reports it then.
        return (data, None) if data else (data, error)

    return receive_data_first


def fix_stuck_join(consumer: KafkaConsumer) -> None:
    """Request a new join where the consumer forgot one that has finished. Call it before each poll.

    Defect: in the group's leader, new metadata (a topic was created, partitions were added) starts a join; the poll's
    timeout ends during it, and the join finishes between two polls. As the leader has assigned the partitions by then,
    `need_rejoin` is false and no poll ever awaits the finished join. The consumer stays without partitions and without
    heartbeats, and raises nothing.
    Met with: 3.0.12. Upstream: no issue known; https://github.com/dpkp/kafka-python/pull/2617 fixed a similar race.
    Remove when: `ensure_active_group` also awaits a pending `_join_task` where no new join is needed. The test is
    test_join_that_ends_between_two_polls_takes_effect.
    """
    coordinator = consumer._coordinator
    join = coordinator._join_task
    if join is not None and join.is_done and not coordinator.need_rejoin():
        coordinator.request_rejoin()


def fix_parked_records(consumer: KafkaConsumer) -> None:
    """Make the consumer return the records that it parked while their partition was paused. Call it before each poll.

    Defect: where some partitions are paused and others are not, the consumer parks the records of paused partitions
    and restores them only while `_next_partition_records` is None. Used-up records are falsy but not None. So a
    resumed partition returns nothing, without end.
    Met with: 3.0.12. Upstream: came with https://github.com/dpkp/kafka-python/pull/2981; no issue known.
    Remove when: `Fetcher.fetched_records` tests `not self._next_partition_records` before it restores parked records.
    """
    fetcher = consumer._fetcher
    if not fetcher._next_partition_records:
        fetcher._next_partition_records = None


class OffsetResetWatch:
    """Report the resets of a consumer's position: offsets that it should have read were out of the log's range.

    Defect: where retention has deleted the records at the position, the client continues at the offset of
    `auto_offset_reset`. It logs that at level INFO and raises nothing, so a gap in the input stays unknown.
    Met with: 3.0.12. Upstream: no issue known; the Java client does the same.
    Remove when: a listener is called with the old and the new position.
    """

    def __init__(self, consumer: KafkaConsumer, on_reset: Callable[[TopicPartition, int, int], None]) -> None:
        """Watch a consumer.

        on_reset  called with the partition, the position before the reset and the one after it, on the I/O thread. It
                  is not called where a partition without a committed offset gets its first position
        """
        self._before: dict[TopicPartition, int] = {}
        subscriptions, fetcher = consumer._subscription, consumer._fetcher
        request_reset, finish_reset = subscriptions.request_offset_reset, fetcher._reset_offset_if_needed

        def keep_position(partition: TopicPartition, strategy: Any = None) -> None:
            position = subscriptions.assignment[partition].position
            if position is not None:
                self._before[partition] = position.offset
            request_reset(partition, strategy)

        def report(partition: TopicPartition, timestamp: Any, offset: int) -> None:
            finish_reset(partition, timestamp, offset)
            state = subscriptions.assignment.get(partition)
            if state is not None and state.position is not None and state.position.offset == offset:
                before = self._before.pop(partition, None)
                if before is not None:
                    on_reset(partition, before, offset)

        subscriptions.request_offset_reset = keep_position
        fetcher._reset_offset_if_needed = report

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop the positions of partitions that are assigned anew: they start at their committed offset."""
        for partition in partitions:
            self._before.pop(partition, None)


def fetch_committed(
    consumer: KafkaConsumer, partitions: Iterable[TopicPartition], timeout_seconds: float
) -> Mapping[TopicPartition, OffsetAndMetadata]:
    """Return the committed offsets of partitions with one request; partitions without one are missing.

    Defect: `committed` takes one partition, and each call is a round trip. A thousand partitions at 100 ms take 100 s.
    Met with: 3.0.12. Upstream: no issue known; the Java client takes a set of partitions.
    Remove when: `committed` takes several partitions.
    """
    committed: Mapping[TopicPartition, OffsetAndMetadata] = consumer._coordinator.fetch_committed_offsets(
        list(partitions), timeout_ms=milliseconds(timeout_seconds)
    )
    return committed


def is_coordinator_unknown(consumer: KafkaConsumer) -> bool:
    """Return whether the consumer knows no coordinator of its group. Asks no broker.

    Defect: a poll without a coordinator returns no records and raises nothing, like a poll of an idle topic.
    Met with: 3.0.12. Upstream: https://github.com/dpkp/kafka-python/issues/2373 is about older versions, where the
    poll did not return.
    Remove when: `poll` raises, or a public method distinguishes the two cases.
    """
    return bool(consumer._coordinator.coordinator_unknown())


def discard_unsent_records(producer: KafkaProducer) -> None:
    """Fail the records of a producer that are not acknowledged. Call it right before `close`.

    Defect: `close(timeout)` first flushes for the whole timeout. With the broker away it returns while the sender
    thread still runs, and may still send.
    Met with: 3.0.12. Upstream: https://github.com/dpkp/kafka-python/pull/3108 shortened the wait.
    Remove when: `close(timeout=0)` discards unsent records and ends the thread.
    """
    producer._sender.force_close()


def value_to_send(record: OutputRecord) -> bytes | None:
    """Return the value of a record; an empty one where both key and value are None.

    Defect: `send` refuses a record with neither key nor value, which Kafka allows.
    Met with: 3.0.12. Upstream: no issue known.
    Remove when: `send(topic, key=None, value=None)` works.
    """
    return b"" if record.key is None and record.value is None else record.value


def is_fenced(error: Exception) -> bool:
    """Return whether a newer producer took the transactional id.

    Defect: the client raises a bare KafkaError with the broker's error as an argument.
    Met with: 3.0.12. Upstream: no issue known.
    Remove when: the producer raises ProducerFencedError itself.
    """
    return any(isinstance(cause, _FENCED) for cause in (error, *error.args))


def init_transactions(producer: KafkaProducer, timeout_seconds: float) -> None:
    """Fence every producer with the same transactional id, and complete or abort its open transaction.

    Defect of this function and the three below: the producer's own methods wait for the coordinator without a limit
    (`init_transactions`: with one that is fixed at construction).
    Met with: 3.0.12. Upstream: no issue known. The Java client had the defect, too (KAFKA-7763, KAFKA-10309).
    Remove when: the producer's methods take a timeout.
    """
    _wait(producer, lambda manager: manager.initialize_transactions(), timeout_seconds)


def send_offsets_to_transaction(
    producer: KafkaProducer,
    offsets: Mapping[TopicPartition, OffsetAndMetadata],
    group_metadata: ConsumerGroupMetadata,
    timeout_seconds: float,
) -> None:
    """Add the offsets of a consumer group to the transaction; see init_transactions for the defect.

    Raises CommitFailedError where the group metadata is of a member that left the group.
    """
    _wait(producer, lambda manager: manager.send_offsets_to_transaction(offsets, group_metadata), timeout_seconds)


def commit_transaction(producer: KafkaProducer, timeout_seconds: float) -> None:
    """Commit the transaction; see init_transactions for the defect.

    After any error it is unknown whether the transaction was committed, until `init_transactions` has returned.
    """
    _wait(producer, lambda manager: manager.begin_commit(), timeout_seconds)


def abort_transaction(producer: KafkaProducer, timeout_seconds: float) -> None:
    """Abort the transaction, which would block `read_committed` readers; see init_transactions for the defect."""
    _wait(producer, lambda manager: manager.begin_abort(), timeout_seconds)


def _wait(producer: KafkaProducer, step: Callable[[Any], Any], timeout_seconds: float) -> None:
    result = step(producer._transaction_manager)
    producer._sender.wakeup()
    if not result.wait(timeout_ms=milliseconds(timeout_seconds)):
        raise errors.KafkaTimeoutError(f"the transaction coordinator did not answer within {timeout_seconds:.1f} s")
