"""Timestamps of records: implausible ones are unknown, and a broker that refuses ours names the clock."""

from types import SimpleNamespace

import pytest
from kafka import errors

from reprise.errors import Fatal
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.conversions import to_message


@pytest.mark.parametrize(
    ("timestamp", "expected"), [(-1, None), (0, None), (86_400_000, None), (1_700_000_000_000, 1_700_000_000_000)]
)
def test_a_timestamp_of_1970_is_unknown(timestamp: int, expected: int | None) -> None:
    """It would add 1.8 billion seconds to the latency."""
    record = SimpleNamespace(topic="t", partition=0, offset=0, key=None, value=b"", headers=[], timestamp=timestamp)
    assert to_message(record).timestamp_ms == expected


def test_a_refused_timestamp_is_fatal_and_names_the_clock() -> None:
    """A retry sends a later time, which is refused as well."""
    error = translate_kafka_error(errors.InvalidTimestampError(), "publishing records")
    assert isinstance(error, Fatal)
    assert "InvalidTimestampError" in str(error)
    assert "synchronise both clocks" in str(error)
