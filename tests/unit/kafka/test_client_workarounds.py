"""Workarounds that need no broker; the contract and security tests cover the others."""

import pytest
from kafka import errors

from reprise.kafka.client_workarounds import is_fenced, value_to_send
from reprise.model import OutputRecord


@pytest.mark.parametrize(
    ("error", "fenced"),
    [
        (errors.ProducerFencedError(), True),
        (errors.InvalidProducerEpochError(), True),
        (errors.KafkaError(errors.ProducerFencedError()), True),
        (errors.KafkaError("no cause"), False),
        (errors.KafkaTimeoutError(), False),
    ],
)
def test_fenced_producer_is_recognized(error: Exception, fenced: bool) -> None:
    """Both errors of brokers count, raised as such or wrapped in a bare KafkaError."""
    assert is_fenced(error) is fenced


@pytest.mark.parametrize(
    ("key", "value", "sent"),
    [(None, None, b""), (b"key", None, None), (None, b"value", b"value"), (b"key", b"value", b"value")],
)
def test_record_without_key_and_value_is_sent_with_an_empty_value(
    key: bytes | None, value: bytes | None, sent: bytes | None
) -> None:
    """A tombstone with a key keeps its null value."""
    assert value_to_send(OutputRecord(topic="topic", key=key, value=value, headers=())) == sent
