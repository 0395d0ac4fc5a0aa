"""Publish records to Kafka with a bound on the records in flight, and check the acknowledgement of each."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from kafka import KafkaProducer, errors
from kafka.producer.future import FutureRecordMetadata

from reprise.errors import RepriseError, Unreachable
from reprise.kafka import client_workarounds
from reprise.kafka.clients import client_options, close_quietly, connect
from reprise.kafka.connection_errors import is_fatal, translate_kafka_error
from reprise.kafka.conversions import milliseconds
from reprise.model import OutputRecord
from reprise.settings.groups import KafkaSettings

#: Records sent and not yet acknowledged. The client's own buffer has no bound. With events of 1 KB this is 1 MB of
#: memory; dead letters of up to 1 MB can make it 1 GB.
MAX_IN_FLIGHT: Final = 1_000

#: Milliseconds that a producer batch waits for more records. `flush` sends at once, so this adds no latency; it only
#: keeps the first records of a batch from going out one by one.
_LINGER_MS: Final = 20

#: Bytes of a producer batch before compression: about a hundred events. The client's default, 16 KB, holds fifteen.
_BATCH_BYTES: Final = 131_072

#: Bytes of a record, at most: the default of the client, and of max.message.bytes of a topic.
_MAX_REQUEST_BYTES: Final = 1_048_576

#: Seconds that closing may take.
_CLOSE_SECONDS: Final = 5.0

#: The broker's answer to a record above its limit, where that is below the producer's limit. With it the client
#: (3.0.12) fails every record in flight, not only the one that is too large.
_TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)


class KafkaSink:
    """The Sink over a KafkaProducer: idempotent, acks=all, one future a record.

    After the first failure the producer is closed and all its records are discarded. This is the only way to keep a
    record of a failed batch from arriving beside its retry.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        flush_timeout_seconds: float,
        transactional_id: str | None = None,
        max_request_bytes: int = _MAX_REQUEST_BYTES,
    ) -> None:
        """Connect. With a transactional id, each new producer first aborts the open transaction of the one before.

        flush_timeout_seconds  time from the first `send` of a batch until all its records must be acknowledged
        max_request_bytes      of a record with its key and headers; a larger one is not sent

        Raises Unreachable, Fatal.
        """
        self._settings = settings
        self._flush_timeout_seconds = flush_timeout_seconds
        self._transactional_id = transactional_id
        self._max_request_bytes = max_request_bytes
        self._in_flight: list[tuple[FutureRecordMetadata, OutputRecord]] = []
        #: records that the broker refused as too large; the next `send` returns their indexes
        self._too_large: set[OutputRecord] = set()
        #: records that were in flight beside such a record; the next `send` sends each alone, to find the one
        self._suspected: set[OutputRecord] = set()
        #: time by which the current batch must be acknowledged; None between batches
        self._deadline: float | None = None
        self._producer: KafkaProducer | None = None
        self.open()

    def open(self) -> KafkaProducer:
        """Return the producer, a new one after a failure. Raises Unreachable, Fatal."""
        if self._producer is None:
            try:
                producer = connect(lambda: KafkaProducer(**self._options()), self._settings)
            except RepriseError:
                self._deadline = None  # The retry gets the whole timeout, however long this outage lasted.
                raise
            self._in_flight.clear()
            self._producer = producer
            if self._transactional_id is not None:
                try:
                    client_workarounds.init_transactions(producer, self.seconds_left())
                except Exception as error:
                    raise self.abandon_producer(error, "initializing transactions") from error
        return self._producer

    def start_timeout(self) -> None:
        """Start the flush timeout now; otherwise it starts with the first `send` after a flush."""
        self._deadline = time.monotonic() + self._flush_timeout_seconds

    def seconds_left(self) -> float:
        """Return the seconds until every record must be acknowledged."""
        if self._deadline is None:
            return self._flush_timeout_seconds
        return max(0.0, self._deadline - time.monotonic())

    def send(self, records: Sequence[OutputRecord]) -> Sequence[int]:
        """See Sink."""
        if self._deadline is None:
            self.start_timeout()
        producer = self.open()
        too_large = []
        for index, record in enumerate(records):
            send_alone = record in self._suspected and record not in self._too_large
            if send_alone or len(self._in_flight) >= MAX_IN_FLIGHT:
                self._await_acknowledgements(producer)
            if record in self._too_large or not self._send_record(producer, record):
                too_large.append(index)
            elif send_alone:
                self._await_acknowledgements(producer)
        return too_large

    def flush(self) -> None:
        """See Sink. After it, successful or not, no record is in flight."""
        self._await_acknowledgements(self.open())
        self._deadline = None
        self._too_large.clear()
        self._suspected.clear()

    def close(self) -> None:
        """See Sink."""
        producer, self._producer = self._producer, None
        self._deadline = None
        if producer is not None:
            client_workarounds.discard_unsent_records(producer)
            close_quietly(lambda: producer.close(timeout=_CLOSE_SECONDS))

    def abandon_producer(self, error: Exception, operation: str) -> RepriseError:
        """Close the producer and return the translation of its error, for the caller to raise."""
        self.close()
        if isinstance(error, _TOO_LARGE):
            return Unreachable(f"Kafka refused a record as too large; the retry will find which one: {error}")
        return translate_kafka_error(error, operation)

    def _await_acknowledgements(self, producer: KafkaProducer) -> None:
        """Wait for every record in flight. `flush` raises no errors of single records, so each future is checked."""
        in_flight, self._in_flight = self._in_flight, []
        with suppress(errors.KafkaError):  # A timeout, or a batch that was split: the futures carry the error, too.
            producer.flush(timeout=self.seconds_left())
        failures = []
        for future, record in in_flight:
            if error := self._delivery_error(future):
                failures.append(error)
                if isinstance(error, _TOO_LARGE):
                    (self._too_large if len(in_flight) == 1 else self._suspected).add(record)
        if failures:
            # A fatal error comes first: the other errors may be consequences of it, and would be retried in vain.
            raise self.abandon_producer(next(filter(is_fatal, failures), failures[0]), "publishing records")

    def _send_record(self, producer: KafkaProducer, record: OutputRecord) -> bool:
        """Send one record; return False where it is above the producer's own size limit."""
        try:
            future = producer.send(
                record.topic,
                key=record.key,
                value=client_workarounds.value_to_send(record),
                headers=list(record.headers),
            )
        except errors.MessageSizeTooLargeError:
            return False
        except Exception as error:
            raise self.abandon_producer(error, f"publishing to {record.topic}") from error
        self._in_flight.append((future, record))
        return True

    def _delivery_error(self, future: FutureRecordMetadata) -> Exception | None:
        """Wait for one acknowledgement and return the error of the record, None without one."""
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
            # The cheapest codec that halves JSON; this client runs gzip at its slowest level.
            "compression_type": "lz4",
            "linger_ms": _LINGER_MS,
            "batch_size": _BATCH_BYTES,
            "transactional_id": self._transactional_id,
            "max_request_size": self._max_request_bytes,
            # By then this worker has abandoned the transaction; after a kill, the broker aborts it.
            "transaction_timeout_ms": delivery_ms,
            "delivery_timeout_ms": delivery_ms,
            # Half of it, so that an unanswered request is retried within the timeout.
            "request_timeout_ms": max(1, min(milliseconds(self._settings.request_timeout_seconds), delivery_ms // 2)),
            "max_block_ms": delivery_ms,
            # A missing topic is an error: the broker would create it with its defaults.
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }
