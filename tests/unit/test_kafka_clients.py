"""What is common to Kafka's clients: errors translated, codecs checked."""

import logging
import sys

import pytest
from kafka import errors

from reprise.errors import Fatal, Unreachable
from reprise.kafka.clients import KafkaConfig, check_codecs, connect, milliseconds, translate_kafka_error


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (errors.KafkaTimeoutError(), Unreachable),
        (errors.KafkaConnectionError(), Unreachable),
        (errors.RebalanceInProgressError(), Unreachable),
        (errors.CommitFailedError(), Unreachable),
        (errors.NotEnoughReplicasError(), Unreachable),
        (errors.UnknownTopicOrPartitionError(), Unreachable),
        (OSError("network"), Unreachable),
        (errors.SaslAuthenticationFailedError(), Fatal),
        (errors.TopicAuthorizationFailedError(), Fatal),
        (errors.GroupAuthorizationFailedError(), Fatal),
        (errors.FencedInstanceIdError(), Fatal),
        (errors.InvalidTopicError(), Fatal),
    ],
)
def test_errors(error: Exception, meaning: type[Exception]) -> None:
    """What another try can mend is Unreachable, the rest is Fatal; both say what was being done."""
    translated = translate_kafka_error(error, "polling")
    assert type(translated) is meaning
    assert str(translated).startswith("Kafka, polling: ")
    assert str(translated).count(type(error).__name__) == 1


def test_all_codecs_are_there() -> None:
    """The package's own dependencies bring every codec."""
    check_codecs()


@pytest.mark.parametrize(
    ("module", "codec"), [("crc32c", "crc32c"), ("lz4.frame", "lz4"), ("snappy", "snappy"), ("zstandard", "zstd")]
)
def test_a_missing_codec_is_named(module: str, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that could not read every record refuses to start, and says what to install."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Fatal, match=rf"codecs missing .*: {codec}; install kafka-python"):
        check_codecs()


def test_a_refusal_is_told_from_an_outage() -> None:
    """A connection closed for a wrong password makes the failure Fatal, whatever the client then raises."""

    def build(reason: Exception) -> None:
        logging.getLogger("kafka.net.connection").error("%s: Connection lost: %s", "node", reason)
        raise errors.KafkaTimeoutError("Unable to bootstrap")

    config = KafkaConfig(bootstrap_servers="kafka:9092")
    with pytest.raises(
        Fatal, match=r"connecting to kafka:9092 \(PLAINTEXT\): .*SaslAuthenticationFailedError: .*wrong password"
    ):
        connect(lambda: build(errors.SaslAuthenticationFailedError("wrong password")), config)
    with pytest.raises(Unreachable, match=r"connecting to kafka:9092 \(PLAINTEXT\): .*KafkaConnectionError: .*refused"):
        connect(lambda: build(errors.KafkaConnectionError("refused")), config)


def test_a_secret_is_in_no_log() -> None:
    """The config shows neither the password nor the user."""
    config = KafkaConfig(bootstrap_servers="kafka:9092", sasl_username="ada", sasl_password="lovelace")
    assert "ada" not in repr(config)
    assert "lovelace" not in repr(config)


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 1), (0.0001, 1), (1.5, 1500)])
def test_no_time_is_never_said(seconds: float, expected: int) -> None:
    """A wait too short for a millisecond is one: 0 would mean something else to the client."""
    assert milliseconds(seconds) == expected
