"""The environment, read once, checked all at once, into frozen settings."""

import os
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from textwrap import shorten
from typing import Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from reprise.errors import UsageError
from reprise.settings.cross_checks import contradictions
from reprise.settings.groups import PREFIX, Settings, SettingsGroup, groups, variable
from reprise.settings.help_text import allows, is_secret

#: Variables of the project's own tests; the worker ignores them.
_IGNORED: Final = frozenset({"REPRISE_TEST_REQUIRE", "REPRISE_SHARED", "REPRISE_KUBECONFIG"})

#: What Kubernetes puts into every pod for a Service whose name begins with "reprise"; nobody typed these.
_SERVICE_LINK: Final = re.compile(r"_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_SERVICE_LINK_VALUE: Final = re.compile(r"(tcp|udp|sctp)://")

#: A secret's file holds one line; anything longer is the wrong file.
_MAX_SECRET_BYTES: Final = 65_536

#: Characters of a wrong value that its mistake shows: enough to know it again.
_MAX_SHOWN: Final = 100


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Read every setting from the environment. Raises UsageError with one line for each mistake."""
    environment = os.environ if environment is None else environment
    mistakes = list(_unknown(environment))
    right: dict[str, SettingsGroup] = {}
    for name, group in groups():
        given, unreadable = _given(group, environment)
        mistakes += unreadable
        try:
            checked = group.model_validate(given)
        except ValidationError as error:
            mistakes += _mistakes(group, error)
        else:
            if not unreadable:  # a secret that could not be read is missing, but not forgotten
                right[name] = checked
    mistakes += contradictions(right)
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return Settings(**right)  # type: ignore[arg-type]  # the names and the types come from Settings itself


def _known() -> dict[str, FieldInfo]:
    return {variable(group, name): field for _, group in groups() for name, field in group.model_fields.items()}


def _unknown(environment: Mapping[str, str]) -> Iterator[str]:
    known = _known()
    names = known.keys() | {f"{name}_FILE" for name, field in known.items() if is_secret(field)}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in names | _IGNORED or _is_service_link(name, environment[name]):
            continue
        likely = get_close_matches(name, names, n=1)
        yield f"{name}: there is no such setting" + (f"; did you mean {likely[0]}?" if likely else "")


def _is_service_link(name: str, value: str) -> bool:
    named = _SERVICE_LINK.search(name)
    return named is not None or (name.endswith("_PORT") and _SERVICE_LINK_VALUE.match(value) is not None)


def _given(group: type[SettingsGroup], environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Take the group's values as texts, those of secret files among them, and what is wrong with the files."""
    given, mistakes = {}, []
    for name, field in group.model_fields.items():
        key = variable(group, name)
        if environment.get(key):
            given[name] = environment[key]
        path = environment.get(f"{key}_FILE") if is_secret(field) else None
        if not path:
            continue
        if name in given:
            mistakes.append(f"{key}_FILE: {key} is set as well; set one of them")
            continue
        try:
            given[name] = _read_secret(Path(path))
        except (OSError, ValueError) as error:
            mistakes.append(f"{key}_FILE: cannot read {path!r}: {getattr(error, 'strerror', None) or error}")
    return given, mistakes


def _read_secret(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MAX_SECRET_BYTES + 1)
    if len(content) > _MAX_SECRET_BYTES:
        raise ValueError(f"it is larger than {_MAX_SECRET_BYTES} bytes")
    try:
        secret = content.decode("utf-8").rstrip("\r\n")  # editors and `echo` end a file with a line break
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None  # the codec's own message shows a part of the secret
    if not secret:
        raise ValueError("it is empty")
    return secret


def _mistakes(group: type[SettingsGroup], error: ValidationError) -> Iterator[str]:
    wrong = {str(each["loc"][0]): each["input"] for each in error.errors()}  # a union reports a field more than once
    for name, value in wrong.items():
        field = group.model_fields[name]
        shown = "its value" if is_secret(field) else repr(shorten(str(value), _MAX_SHOWN, placeholder="..."))
        yield f"{variable(group, name)}: {shown} is not allowed; allowed: {allows(field)}"
