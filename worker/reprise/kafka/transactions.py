"""The steps of a producer's transaction, each with a deadline.

The client's own methods (kafka-python 3.0.12) wait for the coordinator without end, and a thread that waits for one
could never be ended. What they wait for can be waited for with a limit, in the client's transaction manager.
"""

from collections.abc import Callable, Mapping
from typing import Any

from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition, errors
from kafka.structs import ConsumerGroupMetadata

from reprise.kafka.clients import milliseconds


def initialize(producer: KafkaProducer, seconds: float) -> None:
    """Fence every producer of the same transactional id, and end what the last one left open: whole, or not at all."""
    _within(seconds, producer, lambda manager: manager.initialize_transactions())


def send_offsets(
    producer: KafkaProducer,
    offsets: Mapping[TopicPartition, OffsetAndMetadata],
    member: ConsumerGroupMetadata,
    seconds: float,
) -> None:
    """Make the positions of a consumer group part of the transaction.

    Raises CommitFailedError where `member` is one no more.
    """
    _within(seconds, producer, lambda manager: manager.send_offsets_to_transaction(offsets, member))


def commit(producer: KafkaProducer, seconds: float) -> None:
    """Commit the transaction. Any error leaves in doubt whether it is, until `initialize` has ended it."""
    _within(seconds, producer, lambda manager: manager.begin_commit())


def abort(producer: KafkaProducer, seconds: float) -> None:
    """Abort the transaction: else it holds back readers until its timeout."""
    _within(seconds, producer, lambda manager: manager.begin_abort())


def _within(seconds: float, producer: KafkaProducer, step: Callable[[Any], Any]) -> None:
    result = step(producer._transaction_manager)
    producer._sender.wakeup()
    if not result.wait(timeout_ms=milliseconds(seconds)):
        raise errors.KafkaTimeoutError(f"the transaction coordinator did not answer within {seconds:.1f} s")
