"""Convert between timestamps in messages and milliseconds since the epoch inside the worker."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

#: Maximum characters of a timestamp. The longest forms have some 40.
_MAX_CHARACTERS: Final = 64

#: Seconds since the epoch of 1990 and of 2100. A number between them is a time in seconds; the same range times 10^3,
#: 10^6 or 10^9 is in milliseconds, microseconds or nanoseconds. The four ranges do not overlap.
_FIRST_SECOND: Final = 631_152_000
_LAST_SECOND: Final = 4_102_444_800

#: Milliseconds in a unit of a number of each range, as numerator and denominator.
_UNITS: Final = ((1, 1_000, 1), (1_000, 1, 1), (1_000_000, 1, 1_000), (1_000_000_000, 1, 1_000_000))


def format_rfc3339(milliseconds: int) -> str:
    """Return the RFC 3339 form, in UTC with milliseconds, of a time in milliseconds since the epoch."""
    # Integer arithmetic: a float of seconds may lose the last millisecond.
    moment = _EPOCH + milliseconds * _MILLISECOND
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(timestamp: str) -> int | None:
    """Return milliseconds since the epoch; None if the text is no time that is known, or a time before 1970.

    Known are RFC 3339 and other ISO 8601 times, dates alone (midnight), the dates of mails and feeds (RFC 822), and
    numbers as `parse_epoch` reads them. A time without an offset counts as UTC: crawlers that omit the offset mean UTC.
    """
    text = timestamp.strip()
    if len(text) > _MAX_CHARACTERS:
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return _parse_other_form(text)
    return _milliseconds(moment)


def parse_epoch(number: float) -> int | None:
    """Return milliseconds since the epoch of a time in (milli-, micro-, nano-) seconds; None outside 1990 to 2100."""
    for factor, numerator, denominator in _UNITS:
        if _FIRST_SECOND * factor <= number < _LAST_SECOND * factor:
            return int(number * numerator) // denominator
    return None


def _parse_other_form(text: str) -> int | None:
    try:
        return parse_epoch(float(text) if "." in text else int(text))
    except ValueError:
        pass
    try:
        return _milliseconds(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _milliseconds(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    milliseconds = (moment - _EPOCH) // _MILLISECOND
    return milliseconds if milliseconds >= 0 else None
