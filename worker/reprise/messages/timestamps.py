"""Convert between RFC 3339 timestamps in messages and milliseconds since the epoch inside the worker."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def format_rfc3339(milliseconds: int) -> str:
    """Return the RFC 3339 form, in UTC with milliseconds, of a time in milliseconds since the epoch."""
    # Integer arithmetic: a float of seconds may lose the last millisecond.
    moment = _EPOCH + milliseconds * _MILLISECOND
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_rfc3339(timestamp: str) -> int | None:
    """Return milliseconds since the epoch; None if the text is no RFC 3339 time, or a time before 1970.

    A time without an offset counts as UTC: crawlers that omit the offset mean UTC.
    """
    try:
        moment = datetime.fromisoformat(timestamp.strip().upper())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = (moment - _EPOCH) // _MILLISECOND
    return milliseconds if milliseconds >= 0 else None
