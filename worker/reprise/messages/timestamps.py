"""Moments as messages carry them: milliseconds since the epoch inside, RFC 3339 in UTC outside."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


def rfc3339(milliseconds: int) -> str:
    """Write a moment with its milliseconds. In whole numbers: a float of seconds may lose the last one."""
    moment = EPOCH + milliseconds * MILLISECOND
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
