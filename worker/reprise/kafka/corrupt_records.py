"""Find the records that cannot be decoded, after a poll raised without naming an offset.

The client's exception does not carry the offset, and its next poll may never return, as the failed decoder stays in
its queue. So a second consumer, outside the group, reads one offset at a time. This also confirms the corruption: a
record that was damaged only in transit decodes the second time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition, errors
from kafka.consumer.fetcher import RecordTooLargeError

from reprise.errors import Unreachable
from reprise.kafka.bounded_fetch import FetchLimits, bound_fetches
from reprise.kafka.clients import close_quietly, connect
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.model import CorruptRecord
from reprise.settings.groups import KafkaSettings

#: Milliseconds to wait for a record at an offset below the end of the log; a reachable broker answers in a few.
_PROBE_TIMEOUT_MS: Final = 5_000

#: Largest number of records reported at once, so that a search covers a corrupt batch and not one record of it.
MAX_FOUND: Final = 500

#: Errors of the client about fetched records; its decoders raise further exceptions of any kind.
_RECORD_ERRORS: Final = (
    errors.CorruptRecordError,
    errors.UnsupportedCodecError,
    errors.InvalidRecordError,
    RecordTooLargeError,
)

#: Characters of the client's message that go into a header of the dead letter.
_MAX_DETAIL: Final = 300

_SEARCHING: Final = "searching for a corrupt record"


def may_come_from_record(error: Exception) -> bool:
    """Return whether a record may have caused the exception of a poll.

    Decoders raise exceptions of any kind, and the client raises a bare KafkaError for some records.
    """
    return (
        not isinstance(error, errors.KafkaError)
        or isinstance(error, _RECORD_ERRORS)
        or type(error) is errors.KafkaError
    )


def find_corrupt_records(
    settings: KafkaSettings,
    options: Mapping[str, Any],
    positions: Mapping[TopicPartition, int],
    limits: FetchLimits,
) -> Sequence[CorruptRecord]:
    """Return the consecutive corrupt records at the position of the first partition that has any; often none.

    Where several partitions have corrupt records, the next poll raises again.

    options    options of the consumer that raised
    positions  offset of the next record of each assigned partition
    limits     bounds of a poll; a record beyond them is not corrupt

    Raises Unreachable, Fatal where no broker answers.
    """
    probe = connect(lambda: KafkaConsumer(**{**options, "group_id": None, "group_instance_id": None}), settings)
    bound_fetches(probe, limits)
    try:
        for partition in _unfinished(probe, positions):
            if found := list(_corrupt_from(probe, partition, positions[partition])):
                return found
        return ()
    finally:
        close_quietly(lambda: probe.close(autocommit=False, timeout_ms=_PROBE_TIMEOUT_MS))


def _unfinished(probe: KafkaConsumer, positions: Mapping[TopicPartition, int]) -> Sequence[TopicPartition]:
    """Return the partitions with records behind their position; at the others a poll would wait in vain."""
    try:
        ends = probe.end_offsets(list(positions), timeout_ms=_PROBE_TIMEOUT_MS)
    except Exception as error:
        raise translate_kafka_error(error, _SEARCHING) from error
    return [partition for partition, position in positions.items() if position < ends[partition]]


def _corrupt_from(probe: KafkaConsumer, partition: TopicPartition, start: int) -> Iterator[CorruptRecord]:
    probe.assign([partition])
    for offset in range(start, start + MAX_FOUND):
        detail = _decoding_error(probe, partition, offset)
        if detail is None:
            return
        yield CorruptRecord(topic=partition.topic, partition=partition.partition, offset=offset, detail=detail)


def _decoding_error(probe: KafkaConsumer, partition: TopicPartition, offset: int) -> str | None:
    """Return why the record at an offset cannot be decoded; None where it can, or where no record came."""
    probe.seek(partition, offset)
    try:
        probe.poll(timeout_ms=_PROBE_TIMEOUT_MS, max_records=1)
    except Exception as error:
        if not may_come_from_record(error):
            raise Unreachable(str(translate_kafka_error(error, _SEARCHING))) from error
        return f"{type(error).__name__}: {error}"[:_MAX_DETAIL]
    return None
