"""Redis's errors in the pipeline's three words: try again later, or stop."""

import re
from collections.abc import Iterator
from typing import Final

from redis.exceptions import (
    AskError,
    AuthenticationError,
    AuthorizationError,
    ClusterDownError,
    ClusterError,
    ConnectionError,  # noqa: A004 - redis names it so
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    TimeoutError,  # noqa: A004 - redis names it so
    TryAgainError,
)

from reprise.errors import Fatal, RepriseError, Unreachable

#: Errors of a server that knows who asks, and says no.
_REFUSALS: Final = (AuthenticationError, AuthorizationError, NoPermissionError)

#: All that the client raises: the cluster's own errors have another root.
REDIS_ERRORS: Final = (RedisError, RedisClusterException)

#: Errors of a server that will do as asked later: away, full, a replica after a failover, moving its slots, or with a
#: password or a permission that is just being changed.
_LATER: Final = (
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

#: The same where the client has no class for it, or where the error comes out of a script.
_LATER_WORDS: Final = (
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

#: A right that is missing inside a script has no code: Valkey's words, then Redis's.
REFUSED_INSIDE: Final = ("ACL failure in script", "user executing the script")

#: Nor has a cluster that is down.
_LATER_INSIDE: Final = (*REFUSED_INSIDE, "while the cluster is down")

#: What Redis 6.2 puts before an error out of a script.
_INSIDE: Final = re.compile(r"^Error running script .*@user_script: ?\d+: ")

#: What a script is told of every key that is not there while its slot is being moved: each version's words have these.
_MOVING_INSIDE: Final = "access a non local key"

_MOVING: Final = "the slot of the namespace is being moved key by key; nothing is decided until it has arrived"


def translate_redis_error(error: Exception) -> RepriseError:
    """Say what the pipeline must do about an error."""
    told = _INSIDE.sub("", str(error)).removeprefix("-")
    if isinstance(error, AskError) or _MOVING_INSIDE in told:
        return Unreachable(f"redis: {_MOVING}: {error}")
    if isinstance(error, _LATER) or told.startswith(_LATER_WORDS) or any(words in told for words in _LATER_INSIDE):
        return Unreachable(f"redis: {error}")
    return Fatal(f"redis: {error}")


def refusal_in(error: BaseException) -> BaseException | None:
    """Find where a server refused who asked: a cluster's client buries that under an error of its own."""
    return next((cause for cause in causes(error) if isinstance(cause, _REFUSALS)), None)


def causes(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what led to it, the last first."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
