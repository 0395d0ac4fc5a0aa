"""The settings that differ from their defaults, and a hash of all settings, to show with which ones a worker runs."""

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from reprise.settings.groups import Settings, setting_groups, variable_name

#: Shown in place of a secret.
MASK: Final = "********"

#: Hexadecimal digits of the hash: two groups of settings have the same one with a chance of 1 in 2^48.
_HASH_DIGITS: Final = 12

#: Variables that differ between the workers of a group on purpose.
_PER_WORKER: Final = frozenset({"REPRISE_KAFKA_GROUP_INSTANCE_ID"})


def changed_settings(settings: Settings) -> Mapping[str, Any]:
    """Return the settings that differ from their defaults, by variable. Secrets are masked."""
    return {variable: shown for variable, value, default, shown in _values(settings) if value != default}


def settings_hash(settings: Settings) -> str:
    """Return a hash of all settings that the workers of a group have in common.

    Passwords are left out, because metrics publish the hash and a weak password could be guessed from it.
    """
    shared = {variable: shown for variable, _, _, shown in _values(settings) if variable not in _PER_WORKER}
    return sha256(json.dumps(shared, sort_keys=True).encode()).hexdigest()[:_HASH_DIGITS]


def _values(settings: Settings) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield the variable, value, default and printable value of each setting."""
    for group_name, group in setting_groups():
        for name, field in group.model_fields.items():
            value = getattr(getattr(settings, group_name), name)
            yield variable_name(group, name), value, field.default, _printable(value)


def _printable(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return _without_password(value.get_secret_value())
    if isinstance(value, Enum):
        return value.value
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _without_password(secret: str) -> str:
    """Return a URL without its user information and its query, which may hold a password; mask any other secret."""
    parts = urlsplit(secret)
    if not parts.scheme or not (parts.hostname or parts.scheme == "unix"):
        return MASK
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{f'{MASK}@' if '@' in parts.netloc else ''}{host}{parts.path}"
