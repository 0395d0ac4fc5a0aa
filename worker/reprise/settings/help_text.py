"""Settings in words, for the help and for mistakes."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from reprise.settings.groups import groups, variable


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingHelp:
    """One setting, for people. `default` is None where unset means that the thing is not used.

    A secret may stand in a file that the variable with `_FILE` behind its name gives.
    """

    variable: str
    group: str
    default: str | None
    allowed: str
    meaning: str
    secret: bool


def describe() -> Iterator[SettingHelp]:
    """List every setting, in the order of reprise/settings/groups.py."""
    for _, group in groups():
        for name, field in group.model_fields.items():
            yield SettingHelp(
                variable=variable(group, name),
                group=(group.__doc__ or "").rstrip("."),
                default=_shown(field.default),
                allowed=allows(field),
                meaning=field.description or "",
                secret=is_secret(field),
            )


def _arguments(field: FieldInfo) -> Iterator[Any]:
    """Take the field's type without its `| None`, and what annotates it."""
    kinds = [kind for kind in get_args(field.annotation) if kind is not type(None)] if _is_optional(field) else []
    kind = kinds[0] if kinds else field.annotation
    if get_origin(kind) is Annotated:
        yield from get_args(kind)
    else:
        yield kind


def _is_optional(field: FieldInfo) -> bool:
    return type(None) in get_args(field.annotation)


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a field's value must never be shown, and may stand in a file."""
    return SecretStr in _arguments(field)


def allows(field: FieldInfo) -> str:
    """Say in words what a field allows."""
    kind, *notes = _arguments(field)
    for note in (field, *notes):
        extra = getattr(note, "json_schema_extra", None)
        if isinstance(extra, dict) and "allowed" in extra:
            return str(extra["allowed"])
    if get_origin(kind) is Literal:
        return ", ".join(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return ", ".join(kind)
    if kind is bool:
        return "true, false"
    return ("a whole number" if kind is int else "a number") + _bounds(field)


def _bounds(field: FieldInfo) -> str:
    words = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}
    found = [(words[name], getattr(note, name)) for note in field.metadata for name in words if hasattr(note, name)]
    return " " + " and ".join(f"{word} {bound}" for word, bound in found) if found else ""


def _shown(default: object) -> str | None:
    if default is None:
        return None
    if isinstance(default, SecretStr):
        return default.get_secret_value()  # a default is printed in the documentation and no secret
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) and default < 1e6 else str(default)
