"""Redis's errors in the pipeline's three words: try again later, or stop."""

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

from worker.errors import Fatal, RepriseError, Unreachable

#: All that the client raises: the cluster's own errors have another root.
REDIS_ERRORS: Final = (RedisError, RedisClusterException)

#: Errors of a server that will do as asked later: away, full, a replica after a failover, moving its slots, or with a
#: password or a permission that is just being changed.
_LATER: Final = (
    AskError,
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


def translate(error: Exception) -> RepriseError:
    """Say what the pipeline must do about an error."""
    told = str(error).removeprefix("-")
    if isinstance(error, _LATER) or told.startswith(_LATER_WORDS) or any(words in told for words in REFUSED_INSIDE):
        return Unreachable(f"redis: {error}")
    return Fatal(f"redis: {error}")
