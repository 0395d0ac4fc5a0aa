"""The kind of an outage, from the error of the client or its text."""

import pytest
from redis.exceptions import (
    AuthenticationError,
    ConnectionError,  # noqa: A004 - the name in redis-py
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
)

from reprise.errors import Unreachable
from reprise.index.redis.errors import translate_redis_error
from reprise.model import OutageKind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionError("refused"), OutageKind.UNREACHABLE),
        (ResponseError("LOADING Redis is loading the dataset in memory"), OutageKind.UNREACHABLE),
        (OutOfMemoryError("OOM command not allowed"), OutageKind.REFUSES_WRITES),
        (ResponseError("OOM command not allowed when used memory > 'maxmemory'."), OutageKind.REFUSES_WRITES),
        (ReadOnlyError("You can't write against a read only replica."), OutageKind.REFUSES_WRITES),
        (ResponseError("MISCONF Redis is configured to save RDB snapshots"), OutageKind.REFUSES_WRITES),
        (
            ResponseError("Error running script (call to f_1): @user_script: 3: -READONLY You can't write"),
            OutageKind.REFUSES_WRITES,
        ),
        (AuthenticationError("WRONGPASS invalid username-password pair"), OutageKind.REFUSES_USER),
        (NoPermissionError("NOPERM this user has no permissions"), OutageKind.REFUSES_USER),
        (ResponseError("ACL failure in script: user has no permissions"), OutageKind.REFUSES_USER),
    ],
)
def test_an_error_has_the_kind_of_its_outage(error: Exception, kind: OutageKind) -> None:
    """Each is an outage: a retry may succeed once the operator has acted."""
    translated = translate_redis_error(error)
    assert isinstance(translated, Unreachable)
    assert translated.kind is kind
