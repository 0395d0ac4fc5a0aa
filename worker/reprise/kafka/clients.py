"""How Kafka's clients are built, and how their errors are translated.

May live here: options and exceptions that more than one client shares. Options of one client are in its own module.
"""

import importlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from kafka import errors
from kafka.admin import KafkaAdminClient

from reprise.errors import Fatal, RepriseError, Unreachable
from reprise.kafka.connection_errors import TlsRefusedError, captured_errors
from reprise.settings.groups import KafkaSettings

T = TypeVar("T")

#: The name that the brokers' logs and quotas show for each of our clients.
_CLIENT_ID: Final = "reprise"

#: What each codec of a record batch needs. Without crc32c's C extension a batch decodes 100 times slower.
_CODECS: Final = {"crc32c": "crc32c", "lz4": "lz4.frame", "snappy": "snappy", "zstd": "zstandard"}

#: Milliseconds for one try to reach a broker and learn the cluster: far more than a broker that lives takes.
BOOTSTRAP_TIMEOUT_MS: Final = 5_000

#: Milliseconds at most between two tries to connect to a broker that is away; the client's 30 s make its return late.
_RECONNECT_MAX_MS: Final = 2_000

#: Errors that another try does not mend: somebody has to change the settings, the rights or the broker.
_FATAL: Final = (
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.AuthorizationError,
    TlsRefusedError,
    errors.SecurityDisabledError,
    errors.UnsupportedVersionError,
    errors.UnrecognizedBrokerVersion,
    errors.InvalidTopicError,
    errors.InvalidGroupIdError,
    errors.InconsistentGroupProtocolError,
    errors.InvalidSessionTimeoutError,
    errors.FencedInstanceIdError,
    errors.GroupMaxSizeReachedError,
    errors.NoOffsetForPartitionError,
    errors.LogTruncationError,
    errors.KafkaConfigurationError,
    errors.PolicyViolationError,
)


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Give the options that the consumer, the producer and the admin client share."""
    return {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": _CLIENT_ID,
        "security_protocol": settings.security_protocol,
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": settings.sasl_password.get_secret_value() if settings.sasl_password else None,
        "ssl_cafile": _path(settings.ssl_cafile),
        "ssl_certfile": _path(settings.ssl_certfile),
        "ssl_keyfile": _path(settings.ssl_keyfile),
        "request_timeout_ms": milliseconds(settings.request_timeout_seconds),
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        "reconnect_backoff_max_ms": _RECONNECT_MAX_MS,
    }


def _path(file: Path | None) -> str | None:
    return None if file is None else str(file)


def milliseconds(seconds: float) -> int:
    """Turn our unit into Kafka's; at least 1, since 0 means "no time at all" or "for ever" there."""
    return max(1, round(seconds * 1000))


def translate_kafka_error(error: Exception, doing: str) -> RepriseError:
    """Say what a client's exception means for the pipeline: Fatal where another try cannot help, else Unreachable."""
    kind = Fatal if is_fatal(error) else Unreachable
    name, text = type(error).__name__, str(error)
    return kind(f"Kafka, {doing}: {text if name in text else f'{name}: {text}'}")


def is_fatal(error: Exception) -> bool:
    """Say whether an exception is one that another try does not mend."""
    return isinstance(error, _FATAL)


def connect(build: Callable[[], T], settings: KafkaSettings) -> T:
    """Build a client, which connects at once. Raises Unreachable, or Fatal where the brokers refuse us."""
    with captured_errors() as refusals:
        try:
            return build()
        except Exception as error:
            # the client itself only says that the time was up
            reason = refusals.refused or (refusals.latest if isinstance(error, errors.KafkaTimeoutError) else None)
            raise translate_kafka_error(
                reason or error, f"connecting to {settings.bootstrap_servers} ({_login_method(settings)})"
            ) from error


def _login_method(settings: KafkaSettings) -> str:
    """Name the protocol and the mechanism: half of the refusals are a mistake in them."""
    return ", ".join(filter(None, (settings.security_protocol, settings.sasl_mechanism)))


def check_codecs() -> None:
    """Refuse to start where a codec is missing: its first record would be met in the middle of the stream.

    Raises Fatal naming every codec that is missing.
    """
    missing = [codec for codec, module in _CODECS.items() if not _importable(module)]
    if missing:
        raise Fatal(
            f"codecs missing for reading Kafka's records: {', '.join(missing)}; "
            "install kafka-python[crc32c,lz4,snappy,zstd]"
        )


def _importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def open_admin(settings: KafkaSettings) -> KafkaAdminClient:
    """Connect an admin client. Raises Unreachable, Fatal."""
    return connect(lambda: KafkaAdminClient(**client_options(settings)), settings)


def close_quietly(close: Callable[[], None]) -> None:
    """Close a client that may be broken already: whatever it says, there is nothing left to do about it."""
    with suppress(Exception):
        close()
