"""Options of all Kafka clients, and the one function that connects them.

Options of one kind of client belong into its own module.
"""

import importlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from kafka import errors
from kafka.admin import KafkaAdminClient

from reprise.errors import Fatal
from reprise.kafka.client_workarounds import collected_connection_errors, keep_data_before_disconnect
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.conversions import milliseconds
from reprise.settings.groups import KafkaSettings

T = TypeVar("T")

#: The client id, which brokers show in their logs and metrics and apply quotas to.
_CLIENT_ID: Final = "reprise"

#: The module that each codec of record batches needs. Without crc32c's C extension a batch decodes 100 times slower.
_CODECS: Final = {"crc32c": "crc32c", "lz4": "lz4.frame", "snappy": "snappy", "zstd": "zstandard"}

#: Milliseconds for one attempt to reach a broker and fetch the cluster's metadata; a running broker takes far less.
BOOTSTRAP_TIMEOUT_MS: Final = 5_000

#: Longest back-off in milliseconds between two connection attempts. With the client's 30 s, the worker would notice a
#: returning broker half a minute late.
_RECONNECT_MAX_MS: Final = 2_000


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return the options that the consumer, the producer and the admin client share."""
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


def connect(build: Callable[[], T], settings: KafkaSettings) -> T:
    """Build a client; its constructor connects. Raises Unreachable, or Fatal where a broker refuses the connection."""
    keep_data_before_disconnect()
    with collected_connection_errors() as connection_errors:
        try:
            return build()
        except Exception as error:
            # The client itself raises a timeout without the cause.
            cause = connection_errors.refused or (
                connection_errors.latest if isinstance(error, errors.KafkaTimeoutError) else None
            )
            operation = f"connecting to {settings.bootstrap_servers} ({_connection_settings(settings)})"
            raise translate_kafka_error(cause or error, operation) from error


def _connection_settings(settings: KafkaSettings) -> str:
    """Return the setting of the address, the protocol and the mechanism: many refusals come from a mistake in them."""
    parts = ("REPRISE_KAFKA_BOOTSTRAP_SERVERS", settings.security_protocol, settings.sasl_mechanism)
    return ", ".join(filter(None, parts))


def check_codecs() -> None:
    """Check that every codec of record batches is installed; a missing one would fail in the middle of the stream.

    Raises Fatal, which names the missing codecs.
    """
    missing = [codec for codec, module in _CODECS.items() if not _is_importable(module)]
    if missing:
        raise Fatal(
            f"codecs missing for reading Kafka's records: {', '.join(missing)}; "
            "install kafka-python[crc32c,lz4,snappy,zstd]"
        )


def _is_importable(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def open_admin(settings: KafkaSettings) -> KafkaAdminClient:
    """Connect an admin client. Raises Unreachable, Fatal."""
    return connect(lambda: KafkaAdminClient(**client_options(settings)), settings)


def close_quietly(close: Callable[[], None]) -> None:
    """Close a client that may be broken; ignore every exception, as nothing is left to be done about it."""
    with suppress(Exception):
        close()
