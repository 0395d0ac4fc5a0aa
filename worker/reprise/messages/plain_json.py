"""Write the values of other formats as JSON."""

from typing import Any

import orjson


def encode_plain(value: Any) -> bytes:
    """Return a value as JSON.

    Times become RFC 3339; a time without a zone is in UTC. Bytes become text, or null if they are no UTF-8; numbers
    without a form in JSON become text, and NaN null. Raises orjson.JSONEncodeError.
    """
    return orjson.dumps(value, default=_plain_value, option=orjson.OPT_NAIVE_UTC | orjson.OPT_NON_STR_KEYS)


def _plain_value(value: object) -> str | None:
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return str(value)
