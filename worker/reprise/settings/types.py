"""Types of settings: what a single value may be, and the text that help and error lines print for it."""

import os
import re
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from reprise.messages.formats import FieldMapping, load_presets
from reprise.messages.formats.mapping import parse_own_fields

#: Values of REPRISE_NAMESPACE_VALUES. A batch calls Redis once per namespace that occurs in it, and a start prepares
#: every namespace, so the number is bounded. It exceeds the number of languages of most crawls.
MAX_NAMESPACE_VALUES: Final = 32


class DeliveryMode(StrEnum):
    """Delivery guarantee for the consumers of the events."""

    AT_LEAST_ONCE = "at_least_once"
    TRANSACTIONAL = "transactional"


# Most validators raise ValueError without a message: the error line prints the text of `_allowed`. That of a secret
# never has a message, because it could quote the value.


def _list_pattern(item: str) -> str:
    """Return the pattern of a comma-separated list whose items may have spaces around them."""
    return rf"^\s*({item})\s*(,\s*({item})\s*)*$"


#: Patterns that the schema of the chart has, too. Python, Go and ECMA 262 read them alike: no lookaround, and [0-9]
#: instead of \\d.
PORT_PATTERN: Final = r"(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
BROKERS_PATTERN: Final = _list_pattern(rf"([^\s:/,]+|\[[0-9a-fA-F:]+\]):{PORT_PATTERN}")
_NAMESPACE_VALUES_PATTERN: Final = _list_pattern(r"[a-zA-Z0-9._-]{1,64}")
_INPUT_FORMAT_PATTERN: Final = "^({0})(\\+({0}))*$".format("|".join(load_presets()))
_HTTP_USER_PATTERN: Final = "^[^:]+$"
#: Addresses of HTTP; of several, comma-separated, the next is tried if one does not answer.
_HTTP_URL_PATTERN: Final = r"^https?://[^\s/@?#,]+(/[^\s@?#,]*)?(,https?://[^\s/@?#,]+(/[^\s@?#,]*)?)*$"


def _normalize_brokers(value: str) -> str:
    if not re.fullmatch(BROKERS_PATTERN, value):
        raise ValueError
    return ",".join(broker.strip() for broker in value.split(","))


def _normalize_namespace_values(value: str) -> str:
    values = dict.fromkeys(part.strip().lower() for part in value.split(","))
    if len(values) > MAX_NAMESPACE_VALUES or not re.fullmatch(_NAMESPACE_VALUES_PATTERN, value):
        raise ValueError
    return ",".join(values)


def _check_redis_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    address = parts.path.strip("/") if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in {"redis", "rediss", "unix"} or not address:
        raise ValueError
    _ = parts.port  # raises ValueError if the port is not a number up to 65535
    # the client uses database 0 for a path that is no number
    if parts.scheme != "unix" and not re.fullmatch(r"/?|/\d{1,9}\s*", parts.path):
        raise ValueError
    return value


def _check_pattern(pattern: str, value: str) -> str:
    if not re.fullmatch(pattern, value):
        raise ValueError
    return value


def _check_format(value: str) -> str:
    value = value.strip().lower()
    FieldMapping.build(value)
    return value


def _check_own_fields(value: str) -> str:
    parse_own_fields(value)
    return value


def _check_readable(value: Path) -> Path:
    if not value.is_file() or not os.access(value, os.R_OK):
        raise ValueError
    return value


def _allowed(text: str, pattern: str | None = None) -> dict[str, Any]:
    """Return arguments of Field: the text of error lines, and the pattern of the schema if a validator checks it."""
    return {"json_schema_extra": {"allowed": text} | ({} if pattern is None else {"pattern": pattern})}


Brokers = Annotated[
    str,
    AfterValidator(_normalize_brokers),
    Field(**_allowed("HOST:PORT, comma-separated if several", BROKERS_PATTERN)),
]
RedisUrl = Annotated[
    SecretStr,
    AfterValidator(_check_redis_url),
    Field(**_allowed("redis://HOST:PORT/DB, rediss://HOST:PORT/DB or unix://PATH")),
]
HttpUrl = Annotated[
    str,
    AfterValidator(partial(_check_pattern, _HTTP_URL_PATTERN)),
    Field(**_allowed("http://HOST:PORT/PATH or https://HOST:PORT/PATH, without a password", _HTTP_URL_PATTERN)),
]
HttpUserName = Annotated[
    str,
    AfterValidator(partial(_check_pattern, _HTTP_USER_PATTERN)),
    Field(max_length=255, **_allowed("1 to 255 characters without a colon", _HTTP_USER_PATTERN)),
]
InputFormat = Annotated[
    str,
    AfterValidator(_check_format),
    Field(
        **_allowed(
            f"{', '.join(load_presets())}; an envelope and the format inside it as cloudevents+trafilatura",
            _INPUT_FORMAT_PATTERN,
        )
    ),
]
InputFields = Annotated[
    str,
    AfterValidator(_check_own_fields),
    Field(**_allowed("FIELD=EXPRESSION separated by ; or line breaks, or a JSON object; the expressions are JMESPath")),
]
ReadableFile = Annotated[Path, AfterValidator(_check_readable), Field(**_allowed("the path of a readable file"))]
Secret = Annotated[SecretStr, Field(min_length=1, **_allowed("a non-empty text"))]
Name = Annotated[str, Field(min_length=1, max_length=255, **_allowed("1 to 255 characters"))]
TopicName = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$", **_allowed("1 to 249 characters from a-z A-Z 0-9 . _ -"))
]
NamespaceName = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9._-]{1,64}$", **_allowed("1 to 64 characters from a-z A-Z 0-9 . _ -"))
]
NamespaceKey = Annotated[
    str,
    Field(
        pattern=r"^(lang|(field|header):[a-zA-Z0-9._-]{1,64})$",
        **_allowed("lang, field:NAME or header:NAME, where NAME is 1 to 64 characters from a-z A-Z 0-9 . _ -"),
    ),
]
NamespaceValues = Annotated[
    str,
    AfterValidator(_normalize_namespace_values),
    Field(
        **_allowed(
            f"1 to {MAX_NAMESPACE_VALUES} comma-separated values, each 1 to 64 characters from a-z 0-9 . _ -",
            _NAMESPACE_VALUES_PATTERN,
        )
    ),
]
Generation = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9._-]{1,32}$", **_allowed("1 to 32 characters from a-z A-Z 0-9 . _ -"))
]
Ratio = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
#: Seconds of a timeout: at most an hour, so that every wait ends.
Timeout = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
#: Seconds that data is kept: at most a year.
Retention = Annotated[float, Field(ge=1, le=31_622_400, allow_inf_nan=False)]
