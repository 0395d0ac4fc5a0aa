"""Describe settings for help texts and error lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from reprise.settings.groups import setting_groups, variable_name

#: The end of the name of a setting that is a duration in seconds.
DURATION_SUFFIX: Final = "_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingHelp:
    """One setting as help texts show it.

    group    title of its group
    default  as the environment would hold it; None if the setting is unset by default
    allowed  the values that it accepts
    meaning  one or two sentences
    secret   whether its value is never printed and may come from the file that `<variable>_FILE` names
    """

    variable: str
    group: str
    default: str | None
    allowed: str
    meaning: str
    secret: bool


def describe() -> Iterator[SettingHelp]:
    """Yield a description of every setting, in the order of groups.py."""
    for _, group in setting_groups():
        for name, field in group.model_fields.items():
            yield SettingHelp(
                variable=variable_name(group, name),
                group=group.title,
                default=_format_default(field.default),
                allowed=allowed_values(name, field),
                meaning=field.description or "",
                secret=is_secret(field),
            )


def is_secret(field: FieldInfo) -> bool:
    """Return whether a field's value is secret."""
    return SecretStr in _type_arguments(field)


def allowed_values(name: str, field: FieldInfo) -> str:
    """Return a phrase for the values that a field accepts."""
    kind, *annotations = _type_arguments(field)
    for annotation in (field, *annotations):
        extra = getattr(annotation, "json_schema_extra", None)
        if isinstance(extra, dict) and "allowed" in extra:
            return str(extra["allowed"])
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(kind)
    if kind is bool:
        return "true, false"
    duration = ", or a duration such as 90s, 15m or 7d" if name.endswith(DURATION_SUFFIX) else ""
    return ("an integer" if kind is int else "a number") + _format_bounds(field) + duration


def field_type(field: FieldInfo) -> Any:
    """Return a field's type without `| None` and without its annotations."""
    return next(_type_arguments(field))


def _type_arguments(field: FieldInfo) -> Iterator[Any]:
    """Yield a field's type without `| None`, then its annotations."""
    (kind,) = (
        [kind for kind in get_args(field.annotation) if kind is not type(None)]
        if _is_optional(field)
        else [field.annotation]
    )
    if get_origin(kind) is Annotated:
        yield from get_args(kind)
    else:
        yield kind


def _is_optional(field: FieldInfo) -> bool:
    return type(None) in get_args(field.annotation)


def _format_bounds(field: FieldInfo) -> str:
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    bounds = {name: getattr(item, name) for item in field.metadata for name in words if hasattr(item, name)}
    if bounds.keys() == {"ge", "le"}:
        return f" from {bounds['ge']} to {bounds['le']}"
    return " " + ", ".join(f"{words[name]} {bound}" for name, bound in bounds.items()) if bounds else ""


def _format_default(default: object) -> str | None:
    if default is None:
        return None
    if isinstance(default, SecretStr):
        return default.get_secret_value()  # a default stands in the source code, so it is no secret
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) and default < 1e6 else str(default)
