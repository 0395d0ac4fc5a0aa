"""Dead letters sent back to where they came from, each once: the copy and its marker are one Kafka transaction.

The marker is a record of the dead letters' topic, in the partition of the letter and naming its offset. So whoever
reads the topic to its end knows what went back, and a redrive that was killed, or run twice, goes on where it stopped.
The transactional id is the topic's: a second redrive fences the first, whose open transaction is aborted, before it
reads the markers.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from kafka import KafkaProducer

from reprise.errors import Fatal
from reprise.kafka import transactions
from reprise.kafka.client_workarounds import is_fenced, value_to_send
from reprise.kafka.clients import (
    client_options,
    close_quietly,
    connect,
    milliseconds,
)
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.messages.dead_letters import DeadLetter, redrive_marker, redrive_record
from reprise.model import OutputRecord
from reprise.settings.groups import KafkaSettings

#: Letters a transaction: few enough that a kill repeats little, many enough that commits cost nothing.
_BATCH: Final = 500

#: Seconds for one step of a transaction; past it another redrive takes up where this one stopped.
_STEP_SECONDS: Final = 30.0

#: Seconds of an open transaction after which the broker aborts it: a killed redrive holds back readers so long.
_TRANSACTION_SECONDS: Final = 60.0

#: Seconds that closing may take for records nobody waits for any more.
_CLOSE_SECONDS: Final = 5.0


class Redrive:
    """The producer of one redrive. Opening it ends every other redrive of the same topic."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        """Connect, fence, and abort what another one left open. Raises Unreachable, Fatal."""
        self._producer = connect(lambda: KafkaProducer(**_options(settings, topic)), settings)
        try:
            self._step("beginning to redrive", partial(transactions.initialize, self._producer, _STEP_SECONDS))
        except BaseException:
            self.close()
            raise

    def send(self, letters: Iterable[DeadLetter]) -> Iterator[int]:
        """Send letters back; gives the number of each transaction as it is committed.

        Raises Unreachable, Fatal: what was given is back where it came from, and of the rest nothing.
        """
        left = iter(letters)
        while batch := list(islice(left, _BATCH)):
            self._step("sending dead letters back", partial(self._transact, batch))
            yield len(batch)

    def close(self) -> None:
        """Free everything within a bounded time; an open transaction is the broker's to abort."""
        close_quietly(lambda: self._producer.close(timeout=_CLOSE_SECONDS))

    def _transact(self, letters: Sequence[DeadLetter]) -> None:
        self._producer.begin_transaction()
        for letter in letters:
            self._hand_over(redrive_record(letter), letter.origin.partition)
            self._hand_over(redrive_marker(letter), letter.position.partition)
        transactions.commit(self._producer, _STEP_SECONDS)

    def _hand_over(self, record: OutputRecord, partition: int) -> None:
        self._producer.send(
            record.topic,
            key=record.key,
            value=value_to_send(record),
            headers=list(record.headers),
            partition=partition,
        )

    def _step(self, doing: str, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            if is_fenced(error):
                raise Fatal("another redrive of this topic has begun; what this one had committed is back") from error
            # workers read committed records alone: an open transaction would hold them back until its timeout
            close_quietly(partial(transactions.abort, self._producer, _CLOSE_SECONDS))
            raise translate_kafka_error(error, doing) from error


def _options(settings: KafkaSettings, topic: str) -> dict[str, Any]:
    return client_options(settings) | {
        "transactional_id": f"reprise-redrive-{topic}",
        "transaction_timeout_ms": milliseconds(_TRANSACTION_SECONDS),
        "acks": "all",
        "compression_type": "lz4",
        "delivery_timeout_ms": milliseconds(_STEP_SECONDS),
        "request_timeout_ms": milliseconds(_STEP_SECONDS / 2),
        "max_block_ms": milliseconds(_STEP_SECONDS),
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
