"""Translate errors of redis-py into those of the pipeline: Unreachable (retry later) or Fatal (stop)."""

import re
from collections.abc import Iterator
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    ClusterError,
    ConnectionError,  # noqa: A004 - the name in redis-py
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TimeoutError,  # noqa: A004 - the name in redis-py
    TryAgainError,
)

from reprise.errors import Fatal, RepriseError, Unreachable
from reprise.model import OutageKind

#: Errors of a server that rejects the user's password or permissions.
_REFUSALS: Final = (AuthenticationError, AuthorizationError, NoPermissionError)

#: Base classes of all errors that the client raises. RedisClusterException is not a RedisError.
REDIS_ERRORS: Final = (RedisError, RedisClusterException)

#: Errors after which a retry may succeed: the server is down or out of memory, has become a replica, or is moving
#: slots, or its password or ACL is being changed.
_RETRYABLE_ERRORS: Final = (
    AuthenticationError,
    AuthorizationError,
    ClusterError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    TimeoutError,
    TryAgainError,
)

#: Error codes of the same conditions, for codes without a class in redis-py and for errors raised inside a script.
_RETRYABLE_CODES: Final = (
    "BUSY",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MISCONF",
    "NOAUTH",
    "NOPERM",
    "NOREPLICAS",
    "OOM",
    "READONLY",
    "TRYAGAIN",
    "WRONGPASS",
)

#: Codes of a server that reads and refuses writes: its memory is full, its disk fails, or it is or has a replica.
_WRITE_REFUSALS: Final = ("MISCONF", "NOREPLICAS", "OOM", "READONLY")

#: Texts of the error for a permission that is missing inside a script, in Valkey and in Redis. It has no error code.
SCRIPT_PERMISSION_ERRORS: Final = ("ACL failure in script", "user executing the script")

#: Texts of retryable errors inside a script that have no error code: a missing permission, or a cluster that is down.
_RETRYABLE_TEXTS: Final = (*SCRIPT_PERMISSION_ERRORS, "while the cluster is down")

#: Prefix that Redis 6.2 puts before the text of an error raised inside a script.
_SCRIPT_ERROR_PREFIX: Final = re.compile(r"^Error running script .*@user_script: ?\d+: ")

#: Part of the error, in every version of Redis and Valkey, when a script reads a missing key of a slot that is moving.
_NON_LOCAL_KEY: Final = "access a non local key"

#: Text of the error while the slot of the namespace is moving; docs/operating/runbook.md quotes it.
_SLOT_MIGRATION: Final = "the slot of the namespace is being moved key by key; nothing is decided until it has arrived"


def translate_redis_error(error: Exception) -> RepriseError:
    """Return Unreachable for an error after which a retry may succeed, else Fatal."""
    message = _SCRIPT_ERROR_PREFIX.sub("", str(error)).removeprefix("-")
    if isinstance(error, AskError) or _NON_LOCAL_KEY in message:
        return Unreachable(f"redis: {_SLOT_MIGRATION}: {error}")
    has_retryable_text = message.startswith(_RETRYABLE_CODES) or any(text in message for text in _RETRYABLE_TEXTS)
    if isinstance(error, _RETRYABLE_ERRORS) or has_retryable_text:
        return Unreachable(f"redis: {error}", _outage_kind(error, message))
    return Fatal(f"redis: {error}")


def _outage_kind(error: Exception, message: str) -> OutageKind:
    if isinstance(error, _REFUSALS) or message.startswith(("NOAUTH", "NOPERM", "WRONGPASS")):
        return OutageKind.REFUSES_USER
    if any(text in message for text in SCRIPT_PERMISSION_ERRORS):
        return OutageKind.REFUSES_USER
    if isinstance(error, OutOfMemoryError | ReadOnlyError) or message.startswith(_WRITE_REFUSALS):
        return OutageKind.REFUSES_WRITES
    return OutageKind.UNREACHABLE


def find_refusal(error: BaseException) -> BaseException | None:
    """Return the first refusal of the user among an error and its causes; None without one.

    RedisCluster wraps the errors of its nodes in an error of its own.
    """
    return next((cause for cause in error_chain(error) if isinstance(cause, _REFUSALS)), None)


def error_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, then its cause, then the cause of that, and so on."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
