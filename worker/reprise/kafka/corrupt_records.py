"""Which position of the log cannot be decoded, once the client has raised without saying where.

The client's consumer cannot tell, and may never return from another poll: the decoder that raised stays in line. So a
second consumer, outside the group, reads each position for itself. It also confirms the damage: a bit that flipped on
the way is not there the second time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition, errors
from kafka.consumer.fetcher import RecordTooLargeError

from reprise.errors import Unreachable
from reprise.kafka.clients import close_quietly, connect
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.model import CorruptRecord
from reprise.settings.groups import KafkaSettings

#: Milliseconds to wait for one record at a position that is known to hold one; a reachable broker answers in a few.
_PROBE_TIMEOUT_MS: Final = 5_000

#: Positions reported at once: a damaged batch is not looked for again at each of its records.
MAX_FOUND: Final = 500

#: What the client raises of what a fetch returned, beside whatever its decoders raise.
_OF_RECORDS: Final = (
    errors.CorruptRecordError,
    errors.UnsupportedCodecError,
    errors.InvalidRecordError,
    RecordTooLargeError,
)

#: Characters of a client's message that a dead letter's header carries.
_MAX_DETAIL: Final = 300


def is_of_a_record(error: Exception) -> bool:
    """Say whether what a poll raised can come from a record; decoders raise anything, the client a bare KafkaError."""
    return (
        not isinstance(error, errors.KafkaError) or isinstance(error, _OF_RECORDS) or type(error) is errors.KafkaError
    )


def find(
    settings: KafkaSettings, options: Mapping[str, Any], positions: Mapping[TopicPartition, int]
) -> Sequence[CorruptRecord]:
    """Report the run of positions that cannot be decoded at the position of one partition, if there is any.

    Where several partitions are damaged the next poll raises again. options: those of the consumer that failed.
    Raises Unreachable, Fatal where no broker answers.
    """
    probe = connect(lambda: KafkaConsumer(**{**options, "group_id": None, "group_instance_id": None}), settings)
    try:
        for partition in _with_records(probe, positions):
            if found := list(_run(probe, partition, positions[partition])):
                return found
        return ()
    finally:
        close_quietly(lambda: probe.close(autocommit=False, timeout_ms=_PROBE_TIMEOUT_MS))


def _with_records(probe: KafkaConsumer, positions: Mapping[TopicPartition, int]) -> Sequence[TopicPartition]:
    """List the partitions that go on after their position: at the others a probe would wait for nothing."""
    try:
        ends = probe.end_offsets(list(positions), timeout_ms=_PROBE_TIMEOUT_MS)
    except Exception as error:
        raise translate_kafka_error(error, "looking for an unreadable record") from error
    return [partition for partition, position in positions.items() if position < ends[partition]]


def _run(probe: KafkaConsumer, partition: TopicPartition, start: int) -> Iterator[CorruptRecord]:
    probe.assign([partition])
    for position in range(start, start + MAX_FOUND):
        detail = _read(probe, partition, position)
        if detail is None:
            return
        yield CorruptRecord(topic=partition.topic, partition=partition.partition, offset=position, detail=detail)


def _read(probe: KafkaConsumer, partition: TopicPartition, position: int) -> str | None:
    """Say what is wrong with the record at a position; None where it reads well, or nothing came."""
    probe.seek(partition, position)
    try:
        probe.poll(timeout_ms=_PROBE_TIMEOUT_MS, max_records=1)
    except Exception as error:
        if not is_of_a_record(error):
            raise Unreachable(str(translate_kafka_error(error, "looking for an unreadable record"))) from error
        return f"{type(error).__name__}: {error}"[:_MAX_DETAIL]
    return None
