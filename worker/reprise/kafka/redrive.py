"""Redrive dead letters, each once: the copy for the topic of origin and its marker are one Kafka transaction.

A marker is a record of the dead-letter topic, in the partition of the dead letter, that names its offset. A reader of
the whole topic therefore knows which dead letters were redriven, and a redrive that was killed or started twice
continues where it stopped. The transactional id belongs to the topic: a second redrive fences the first before it
reads the markers, and the broker aborts the open transaction of the first.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final

from kafka import KafkaProducer

from reprise.errors import Fatal
from reprise.kafka import client_workarounds
from reprise.kafka.clients import client_options, close_quietly, connect
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.conversions import milliseconds
from reprise.messages.dead_letters import DeadLetter, redrive_marker, redrive_record
from reprise.model import OutputRecord
from reprise.settings.groups import KafkaSettings

#: Dead letters of one transaction: few enough that a kill repeats little, many enough that commits cost little.
_BATCH_SIZE: Final = 500

#: Seconds for one step of a transaction. After this the redrive fails, and the next one continues from its last commit.
_STEP_SECONDS: Final = 30.0

#: Seconds after which the broker aborts an open transaction. For so long a killed redrive blocks `read_committed`
#: readers.
_TRANSACTION_SECONDS: Final = 60.0

#: Seconds that closing may take.
_CLOSE_SECONDS: Final = 5.0


class Redrive:
    """The producer of one redrive. Opening it fences every other redrive of the same topic."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        """Connect, fence the producers before this one, and abort their open transaction.

        topic  the dead-letter topic

        Raises Unreachable, Fatal.
        """
        self._producer = connect(lambda: KafkaProducer(**_options(settings, topic)), settings)
        try:
            self._run_step(
                "starting a redrive",
                partial(client_workarounds.init_transactions, self._producer, _STEP_SECONDS),
            )
        except BaseException:
            self.close()
            raise

    def send(self, letters: Iterable[DeadLetter]) -> Iterator[int]:
        """Redrive dead letters; yield after each committed transaction the number of its dead letters.

        Raises Unreachable, Fatal. The dead letters that were counted before are redriven, the others are not.
        """
        remaining = iter(letters)
        while batch := list(islice(remaining, _BATCH_SIZE)):
            self._run_step("redriving dead letters", partial(self._send_batch, batch))
            yield len(batch)

    def close(self) -> None:
        """Close the producer within a bounded time; the broker aborts an open transaction."""
        close_quietly(lambda: self._producer.close(timeout=_CLOSE_SECONDS))

    def _send_batch(self, letters: Sequence[DeadLetter]) -> None:
        self._producer.begin_transaction()
        for letter in letters:
            self._send_record(redrive_record(letter), letter.origin.partition)
            self._send_record(redrive_marker(letter), letter.position.partition)
        client_workarounds.commit_transaction(self._producer, _STEP_SECONDS)

    def _send_record(self, record: OutputRecord, partition: int) -> None:
        self._producer.send(
            record.topic,
            key=record.key,
            value=client_workarounds.value_to_send(record),
            headers=list(record.headers),
            partition=partition,
        )

    def _run_step(self, operation: str, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            if client_workarounds.is_fenced(error):
                raise Fatal(
                    "another redrive of this topic has started and fenced this one; "
                    "the dead letters counted so far are redriven"
                ) from error
            # An open transaction would block workers, which read with `read_committed`, until its timeout.
            close_quietly(partial(client_workarounds.abort_transaction, self._producer, _CLOSE_SECONDS))
            raise translate_kafka_error(error, operation) from error


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
