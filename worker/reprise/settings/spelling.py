"""Accept the usual spellings of a value: letter case, durations with a unit."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from reprise.settings.help_text import DURATION_SUFFIX, field_type

#: Seconds of each unit of a duration.
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}

_PART: Final = r"(\d+(?:\.\d+)?)\s*(ms|[smhdw])"
_DURATION: Final = re.compile(rf"(?:{_PART}\s*)+", re.IGNORECASE)


def normalize_value(name: str, field: FieldInfo, value: str) -> str:
    """Return a value in the spelling that its setting is checked in; any other value as it is, without outer spaces."""
    value = value.strip()
    choices = _choices(field)
    if choices:
        by_key = {_key(choice): choice for choice in choices}
        return by_key.get(_key(value), value)
    if name.endswith(DURATION_SUFFIX) and _DURATION.fullmatch(value):
        parts = re.findall(_PART, value, re.IGNORECASE)
        return repr(sum(float(number) * _UNITS[unit.lower()] for number, unit in parts))
    return value


def _choices(field: FieldInfo) -> Sequence[str]:
    kind: Any = field_type(field)
    if get_origin(kind) is Literal:
        return get_args(kind)
    return list(kind) if isinstance(kind, type) and issubclass(kind, StrEnum) else ()


def _key(value: str) -> str:
    return value.casefold().replace("-", "_")
