"""Records into Kafka: bounded, and acknowledged one by one."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from kafka import KafkaProducer, errors
from kafka.producer.future import FutureRecordMetadata

from reprise.errors import RepriseError, Unreachable
from reprise.kafka import transactions
from reprise.kafka.client_workarounds import discard_unsent_records, value_to_send
from reprise.kafka.clients import (
    client_options,
    close_quietly,
    connect,
    milliseconds,
)
from reprise.kafka.connection_errors import is_fatal, translate_kafka_error
from reprise.model import OutputRecord
from reprise.settings.groups import KafkaSettings

#: Records handed over and not yet acknowledged. The client's own buffer has no bound; events are 1 KB, dead letters up
#: to 1 MB, so this is 1 MB of memory in a good hour and bounds a bad one.
MAX_IN_FLIGHT: Final = 1_000

#: Milliseconds that a batch waits for company. A flush sends at once, so it delays nothing; it only keeps the first
#: records of a batch from travelling alone.
_LINGER_MS: Final = 20

#: Bytes of a producer batch before compression: about a hundred events. The client's 16 KB make a request of fifteen.
_BATCH_BYTES: Final = 131_072

#: Seconds that closing may take for records nobody waits for any more.
_CLOSE_SECONDS: Final = 5.0

#: The broker's word for "never": its limit is below the producer's. With it the client (3.0.12) fails all that it has
#: in hand, whoever was meant.
_TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class KafkaSink:
    """The Sink over a KafkaProducer: idempotent, acks=all, one future a record.

    A producer that failed once is given up, with all that it still holds: only so can nothing of it arrive beside what
    is sent again.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        flush_timeout_seconds: float,
        transactional_id: str | None = None,
    ) -> None:
        """Connect. With a transactional id each producer begins by ending what the one before it left open.

        Raises Unreachable, Fatal.
        """
        self._settings = settings
        self._flush_timeout_seconds = flush_timeout_seconds
        self._transactional_id = transactional_id
        self._in_flight: list[tuple[FutureRecordMetadata, OutputRecord]] = []
        #: what the broker, not the client, found too large: told when it is sent again
        self._refused: set[OutputRecord] = set()
        #: what failed so beside others: sent alone, to find out which of them was meant
        self._suspected: set[OutputRecord] = set()
        #: when the batch in hand must be acknowledged; None between batches
        self._deadline: float | None = None
        self._producer: KafkaProducer | None = None
        self.open()

    def open(self) -> KafkaProducer:
        """Give the producer, a new one after a failure. Raises Unreachable, Fatal."""
        if self._producer is None:
            try:
                producer = connect(lambda: KafkaProducer(**self._options()), self._settings)
            except RepriseError:
                self._deadline = None  # the next try has all of its time, however long this outage was
                raise
            self._in_flight.clear()
            self._producer = producer
            if self._transactional_id is not None:
                try:
                    transactions.initialize(producer, self.seconds_left())
                except Exception as error:
                    raise self.failed(error, "beginning with transactions") from error
        return self._producer

    def start(self) -> None:
        """Count the time until the next flush from here; else it counts from the first `send` after the last."""
        self._deadline = time.monotonic() + self._flush_timeout_seconds

    def seconds_left(self) -> float:
        """Seconds until all must be acknowledged."""
        if self._deadline is None:
            return self._flush_timeout_seconds
        return max(0.0, self._deadline - time.monotonic())

    def send(self, records: Sequence[OutputRecord]) -> Sequence[int]:
        """See Sink."""
        if self._deadline is None:
            self.start()
        producer = self.open()
        too_large = []
        for index, record in enumerate(records):
            alone = record in self._suspected and record not in self._refused
            if alone or len(self._in_flight) >= MAX_IN_FLIGHT:
                self._settle(producer)
            if record in self._refused or not self._hand_over(producer, record):
                too_large.append(index)
            elif alone:
                self._settle(producer)
        return too_large

    def flush(self) -> None:
        """See Sink. After it, success or not, nothing is in flight."""
        self._settle(self.open())
        self._deadline = None
        self._refused.clear()
        self._suspected.clear()

    def close(self) -> None:
        """See Sink."""
        producer, self._producer = self._producer, None
        self._deadline = None
        if producer is not None:
            discard_unsent_records(producer)
            close_quietly(lambda: producer.close(timeout=_CLOSE_SECONDS))

    def failed(self, error: Exception, doing: str) -> RepriseError:
        """Give the producer up, and say what its error means."""
        self.close()
        if isinstance(error, _TOO_LARGE):
            return Unreachable(f"Kafka refused a record as too large; sending it again says which: {error}")
        return translate_kafka_error(error, doing)

    def _settle(self, producer: KafkaProducer) -> None:
        """Wait for every acknowledgement. A flush says nothing of single records, so each is asked."""
        in_flight, self._in_flight = self._in_flight, []
        with suppress(errors.KafkaError):  # out of time, or a batch was split: the records themselves say it better
            producer.flush(timeout=self.seconds_left())
        failures = []
        for future, record in in_flight:
            if error := self._outcome(future):
                failures.append(error)
                if isinstance(error, _TOO_LARGE):
                    (self._refused if len(in_flight) == 1 else self._suspected).add(record)
        if failures:
            # what nobody can mend by trying again must not hide behind what it led to
            raise self.failed(next(filter(is_fatal, failures), failures[0]), "writing events")

    def _hand_over(self, producer: KafkaProducer, record: OutputRecord) -> bool:
        """Give one record to the producer; answers whether it fits."""
        try:
            future = producer.send(
                record.topic, key=record.key, value=value_to_send(record), headers=list(record.headers)
            )
        except errors.MessageSizeTooLargeError:
            return False
        except Exception as error:
            raise self.failed(error, f"sending to {record.topic}") from error
        self._in_flight.append((future, record))
        return True

    def _outcome(self, future: FutureRecordMetadata) -> Exception | None:
        """Wait for one acknowledgement; answers what went wrong."""
        try:
            future.get(timeout=self.seconds_left())
        except Exception as error:
            return error
        return None

    def _options(self) -> dict[str, Any]:
        delivery_ms = milliseconds(self._flush_timeout_seconds)
        return client_options(self._settings) | {
            "acks": "all",
            "enable_idempotence": True,
            # the cheapest codec that halves JSON; gzip runs at its slowest level in this client
            "compression_type": "lz4",
            "linger_ms": _LINGER_MS,
            "batch_size": _BATCH_BYTES,
            "transactional_id": self._transactional_id,
            # the worker has given a transaction up by then; the broker does it for a worker that was killed in one
            "transaction_timeout_ms": delivery_ms,
            "delivery_timeout_ms": delivery_ms,
            # so that an unanswered request is tried again within it
            "request_timeout_ms": max(1, min(milliseconds(self._settings.request_timeout_seconds), delivery_ms // 2)),
            "max_block_ms": delivery_ms,
            # a topic with defaults nobody chose is worse than an error
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }
