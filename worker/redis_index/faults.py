"""Redis's errors in the pipeline's three words: try again later, or stop."""

from typing import Final

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    ClusterError,
    ConnectionError,  # noqa: A004 - redis names it so
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,  # noqa: A004 - redis names it so
)

from worker.errors import Fatal, RepriseError, Unreachable

#: Answers of a server that will do as asked later: full, a replica after a failover, starting, in a script, moving.
_LATER: Final = (
    "OOM",
    "READONLY",
    "LOADING",
    "BUSY",
    "MASTERDOWN",
    "NOREPLICAS",
    "MISCONF",
    "CLUSTERDOWN",
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "UNKILLABLE",
)


def translate(error: RedisError) -> RepriseError:
    """Say what the pipeline must do about an error. A refused password may be one that is just being rotated."""
    text = f"redis: {error}"
    if isinstance(error, ConnectionError | TimeoutError | ClusterError):
        return Unreachable(text)
    if isinstance(error, AuthenticationError | AuthorizationError | NoPermissionError):
        return Unreachable(text)
    if isinstance(error, ResponseError) and (str(error).startswith(_LATER) or "OOM" in str(error)):
        return Unreachable(text)
    return Fatal(text)
