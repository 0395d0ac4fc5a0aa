"""Records into Kafka: bounded, and acknowledged one by one."""

import time
from collections.abc import Sequence
from typing import Any, Final

from kafka import KafkaProducer, errors
from kafka.producer.future import FutureRecordMetadata

from worker.errors import RepriseError, Unreachable
from worker.kafka.clients import KafkaConfig, client_options, close_quietly, connected, milliseconds, translate
from worker.model import OutputRecord

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

#: Seconds past the producer's own deadline, for its expiry to reach our futures.
_GRACE_SECONDS: Final = 1.0

#: The broker's word for "never": its limit is below the producer's.
_TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)

#: The producer's session with the broker is lost, and it refuses to go on: only a new producer helps.
_SPENT: Final = (
    errors.OutOfOrderSequenceNumberError,
    errors.InvalidProducerEpochError,
    errors.InvalidProducerIdMappingError,
    errors.UnknownProducerIdError,
    errors.ProducerFencedError,
    errors.IllegalStateError,
)


class KafkaSink:
    """The Sink over a KafkaProducer: idempotent, acks=all, one future a record."""

    def __init__(self, config: KafkaConfig, *, flush_timeout_seconds: float = 30.0) -> None:
        """Connect. Raises Unreachable, Fatal."""
        self._config = config
        self._flush_timeout_seconds = flush_timeout_seconds
        self._in_flight: list[tuple[FutureRecordMetadata, OutputRecord]] = []
        #: what the broker, not the client, found too large: told when it is sent again
        self._refused: set[OutputRecord] = set()
        self._producer: KafkaProducer | None = None
        self._open()

    def send(self, records: Sequence[OutputRecord]) -> Sequence[int]:
        """See Sink. The deadline of flush holds here too, for the wait until fewer are in flight."""
        producer = self._open()
        too_large = []
        for index, record in enumerate(records):
            if len(self._in_flight) >= MAX_IN_FLIGHT:
                self.flush()
            if record in self._refused or not self._hand_over(producer, record):
                too_large.append(index)
        return too_large

    def flush(self) -> None:
        """See Sink. After it, success or not, nothing is in flight."""
        producer = self._open()
        deadline = time.monotonic() + self._flush_timeout_seconds + _GRACE_SECONDS
        in_flight, self._in_flight = self._in_flight, []
        failure: Exception | None = None
        try:
            producer.flush(timeout=self._flush_timeout_seconds + _GRACE_SECONDS)
        except errors.KafkaTimeoutError as error:
            failure = error
        for future, record in in_flight:
            failure = self._outcome(future, record, deadline) or failure
        if failure is not None:
            raise self._fail(failure, "writing events")
        self._refused.clear()

    def close(self) -> None:
        """See Sink."""
        producer, self._producer = self._producer, None
        if producer is not None:
            close_quietly(lambda: producer.close(timeout=_CLOSE_SECONDS))

    def _hand_over(self, producer: KafkaProducer, record: OutputRecord) -> bool:
        """Give one record to the producer; answers whether it fits."""
        try:
            # the client refuses a record with neither key nor value
            value = b"" if record.key is None and record.value is None else record.value
            future = producer.send(record.topic, key=record.key, value=value, headers=list(record.headers))
        except errors.MessageSizeTooLargeError:
            return False
        except Exception as error:
            raise self._fail(error, f"sending to {record.topic}") from error
        self._in_flight.append((future, record))
        return True

    def _outcome(self, future: FutureRecordMetadata, record: OutputRecord, deadline: float) -> Exception | None:
        """Wait for one acknowledgement; answers what went wrong. A flush says nothing of single records."""
        try:
            future.get(timeout=max(0.0, deadline - time.monotonic()))
        except Exception as error:
            if isinstance(error, _TOO_LARGE):
                self._refused.add(record)
            return error
        return None

    def _fail(self, error: Exception, doing: str) -> RepriseError:
        if isinstance(error, (*_SPENT, errors.KafkaTimeoutError)):
            # What is still in the producer's buffer would be sent beside its second copy: leave it with its producer.
            self.close()
        if isinstance(error, _TOO_LARGE):
            return Unreachable(f"Kafka refused a record as too large; sending it again says which: {error}")
        return translate(error, doing)

    def _open(self) -> KafkaProducer:
        if self._producer is None:
            self._in_flight.clear()
            self._producer = connected(lambda: KafkaProducer(**self._options()), self._config)
        return self._producer

    def _options(self) -> dict[str, Any]:
        delivery_ms = milliseconds(self._flush_timeout_seconds)
        return client_options(self._config) | {
            "acks": "all",
            "enable_idempotence": True,
            # the cheapest codec that halves JSON; gzip runs at its slowest level in this client
            "compression_type": "lz4",
            "linger_ms": _LINGER_MS,
            "batch_size": _BATCH_BYTES,
            # the producer gives up when the flush does: nothing is left behind to arrive later on its own
            "delivery_timeout_ms": delivery_ms,
            # so that an unanswered request is tried again within it
            "request_timeout_ms": max(1, min(milliseconds(self._config.request_timeout_seconds), delivery_ms // 2)),
            "max_block_ms": delivery_ms,
            # a topic with defaults nobody chose is worse than an error
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }
