"""All Kafka clients share their options, the translation of errors and the check of codecs."""

import logging
import sys
from pathlib import Path

import pytest
from kafka import errors
from pydantic import SecretStr

from reprise.errors import Fatal, Unreachable
from reprise.kafka.clients import check_codecs, connect
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.consumer import consumer_options
from reprise.kafka.conversions import milliseconds
from reprise.settings import load
from reprise.settings.groups import KafkaSettings


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
def test_errors_are_translated(error: Exception, meaning: type[Exception]) -> None:
    """An error that a retry can resolve is Unreachable, any other Fatal; both name the operation."""
    translated = translate_kafka_error(error, "polling")
    assert type(translated) is meaning
    assert str(translated).startswith("Kafka, polling: ")
    assert str(translated).count(type(error).__name__) == 1


def test_every_setting_of_kafka_reaches_its_clients(tmp_path: Path) -> None:
    """Each field of the settings is an option of the consumer, secrets and paths as text, durations in milliseconds."""
    authorities = tmp_path / "ca.pem"
    authorities.write_text("-")
    settings = load(
        {
            "REPRISE_KAFKA_BOOTSTRAP_SERVERS": "one:9092",
            "REPRISE_KAFKA_GROUP_ID": "group",
            "REPRISE_KAFKA_GROUP_INSTANCE_ID": "instance",
            "REPRISE_KAFKA_AUTO_OFFSET_RESET": "latest",
            "REPRISE_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "REPRISE_KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "REPRISE_KAFKA_SASL_USERNAME": "worker",
            "REPRISE_KAFKA_SASL_PASSWORD": "hunter2",
            "REPRISE_KAFKA_SSL_CAFILE": str(authorities),
            "REPRISE_KAFKA_SSL_CERTFILE": str(authorities),
            "REPRISE_KAFKA_SSL_KEYFILE": str(authorities),
            "REPRISE_KAFKA_REQUEST_TIMEOUT_SECONDS": "11",
            "REPRISE_KAFKA_SESSION_TIMEOUT_SECONDS": "12",
            "REPRISE_KAFKA_MAX_POLL_INTERVAL_SECONDS": "113",
        }
    )
    options = consumer_options(settings.kafka, batch_max=7)
    expected = {
        "bootstrap_servers": ["one:9092"],
        "group_id": "group",
        "group_instance_id": "instance",
        "auto_offset_reset": "latest",
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "worker",
        "sasl_plain_password": "hunter2",
        "ssl_cafile": str(authorities),
        "ssl_certfile": str(authorities),
        "ssl_keyfile": str(authorities),
        "request_timeout_ms": 11_000,
        "session_timeout_ms": 12_000,
        "max_poll_interval_ms": 113_000,
    }
    assert {name: options[name] for name in expected} == expected
    assert len(expected) == len(type(settings.kafka).model_fields)


def test_every_codec_is_installed() -> None:
    """The package's dependencies include every codec."""
    check_codecs()


@pytest.mark.parametrize(
    ("module", "codec"), [("crc32c", "crc32c"), ("lz4.frame", "lz4"), ("snappy", "snappy"), ("zstandard", "zstd")]
)
def test_missing_codec_is_fatal(module: str, codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the codec and the package to install."""
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Fatal, match=rf"codecs missing .*: {codec}; install kafka-python"):
        check_codecs()


def test_refused_connection_is_fatal() -> None:
    """A wrong password is Fatal and any other lost connection Unreachable, though the client raises a timeout."""

    def build(reason: Exception) -> None:
        logging.getLogger("kafka.net.connection").error("%s: Connection lost: %s", "node", reason)
        raise errors.KafkaTimeoutError("Unable to bootstrap")

    settings = KafkaSettings(bootstrap_servers="kafka:9092")
    with pytest.raises(
        Fatal,
        match=r"kafka:9092 \(REPRISE_KAFKA_BOOTSTRAP_SERVERS, PLAINTEXT\): .*AuthenticationFailedError: .*wrong",
    ):
        connect(lambda: build(errors.SaslAuthenticationFailedError("wrong password")), settings)
    with pytest.raises(
        Unreachable,
        match=r"kafka:9092 \(REPRISE_KAFKA_BOOTSTRAP_SERVERS, PLAINTEXT\): .*Error: .*refused",
    ):
        connect(lambda: build(errors.KafkaConnectionError("refused")), settings)


def test_repr_of_the_settings_hides_secrets() -> None:
    """`repr` shows neither the password nor the user."""
    settings = KafkaSettings(bootstrap_servers="kafka:9092", sasl_username="ada", sasl_password=SecretStr("lovelace"))
    assert "ada" not in repr(settings)
    assert "lovelace" not in repr(settings)


@pytest.mark.parametrize(("seconds", "expected"), [(0.0, 1), (0.0001, 1), (1.5, 1500)])
def test_milliseconds_are_at_least_one(seconds: float, expected: int) -> None:
    """A duration is rounded to milliseconds, and never to 0, which has another meaning for the client."""
    assert milliseconds(seconds) == expected
