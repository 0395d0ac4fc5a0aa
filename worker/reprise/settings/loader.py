"""Parse the environment and the settings file into Settings, or report all errors at once."""

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
from reprise.settings.config_file import read_config_file
from reprise.settings.cross_checks import cross_check
from reprise.settings.groups import PREFIX, Settings, SettingsGroup, setting_groups, variable_name
from reprise.settings.help_text import allowed_values, is_secret
from reprise.settings.spelling import normalize_value

#: The variable that names the settings file; `--config` sets it.
CONFIG_FILE_VARIABLE: Final = f"{PREFIX}CONFIG_FILE"

#: Variables of the project's tests and of its build, which are no settings of the worker.
_IGNORED: Final = frozenset(
    {CONFIG_FILE_VARIABLE, "REPRISE_TEST_REQUIRE", "REPRISE_SHARED", "REPRISE_KUBECONFIG", "REPRISE_NATIVE"}
)

#: Kubernetes sets such variables in every pod for each Service whose name begins with "reprise".
_SERVICE_LINK: Final = re.compile(r"_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
_SERVICE_LINK_VALUE: Final = re.compile(r"(tcp|udp|sctp)://")

#: Bytes of a secret's file. A larger one is the wrong file.
_MAX_SECRET_BYTES: Final = 65_536

#: The login in an address, which no error line may show.
_LOGIN: Final = re.compile(r"//[^/\s]*@")

#: Characters of an invalid value in its error line.
_MAX_VALUE_CHARACTERS: Final = 100


def load(environment: Mapping[str, str] | None = None) -> Settings:
    """Parse all settings from `environment` (default: that of the process).

    Raises UsageError with one line per error.
    """
    environment = _with_config_file(os.environ if environment is None else environment)
    errors = list(_report_unknown(environment))
    valid: dict[str, SettingsGroup] = {}
    for name, group in setting_groups():
        values, secret_errors = _read_values(group, environment)
        errors += secret_errors
        try:
            parsed = group.model_validate(values)
        except ValidationError as error:
            errors += _format_errors(group, error)
        else:
            # An unreadable secret is missing from its group, but a cross-check must not report it as unset.
            if not secret_errors:
                valid[name] = parsed
    errors += cross_check(valid)
    if errors:
        raise UsageError("\n".join(errors))
    return Settings(**valid)  # type: ignore[arg-type]  # names and types come from the fields of Settings


def _with_config_file(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with the values of the settings file, of which the environment's own take precedence.

    Raises UsageError.
    """
    path = environment.get(CONFIG_FILE_VARIABLE)
    if not path:
        return environment
    from_file = read_config_file(path, PREFIX, _fields_by_variable())
    # A secret in a file of its own also takes precedence over the secret in the settings file.
    is_set = {name.removesuffix("_FILE") for name, value in environment.items() if value}
    own = {name: value for name, value in environment.items() if value}
    return {name: value for name, value in from_file.items() if name.removesuffix("_FILE") not in is_set} | own


def _report_unknown(environment: Mapping[str, str]) -> Iterator[str]:
    known = _fields_by_variable()
    names = known.keys() | {f"{name}_FILE" for name, field in known.items() if is_secret(field)}
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in names | _IGNORED or _is_service_link(name, environment[name]):
            continue
        similar = get_close_matches(name, names, n=1)
        yield f"{name}: unknown setting" + (f"; did you mean {similar[0]}?" if similar else "")


def _fields_by_variable() -> dict[str, FieldInfo]:
    return {
        variable_name(group, name): field for _, group in setting_groups() for name, field in group.model_fields.items()
    }


def _is_service_link(name: str, value: str) -> bool:
    return _SERVICE_LINK.search(name) is not None or (
        name.endswith("_PORT") and _SERVICE_LINK_VALUE.match(value) is not None
    )


def _read_values(group: type[SettingsGroup], environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the group's values as text, those from secret files included, and error lines for these files."""
    values, errors = {}, []
    for name, field in group.model_fields.items():
        variable = variable_name(group, name)
        if environment.get(variable):
            value = environment[variable]
            values[name] = value if is_secret(field) else normalize_value(name, field, value)
        path = environment.get(f"{variable}_FILE") if is_secret(field) else None
        if not path:
            continue
        if name in values:
            errors.append(f"{variable}_FILE: {variable} is set as well; set only one of the two")
            continue
        try:
            values[name] = _read_secret(Path(path))
        except (OSError, ValueError) as error:
            errors.append(f"{variable}_FILE: cannot read {path!r}: {getattr(error, 'strerror', None) or error}")
    return values, errors


def _read_secret(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MAX_SECRET_BYTES + 1)
    if len(content) > _MAX_SECRET_BYTES:
        raise ValueError(f"it is larger than {_MAX_SECRET_BYTES} bytes")
    try:
        secret = content.decode("utf-8").rstrip("\r\n")  # editors and `echo` end a file with a line break
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None  # the codec's own message quotes a part of the secret
    if not secret:
        raise ValueError("it is empty")
    return secret


def _format_errors(group: type[SettingsGroup], error: ValidationError) -> Iterator[str]:
    # by field: pydantic reports a field of a union once for each of its members
    invalid = {str(item["loc"][0]): item for item in error.errors()}
    for name, item in invalid.items():
        field = group.model_fields[name]
        if is_secret(field):
            shown = "value"
        else:
            given = _LOGIN.sub("//***@", str(item["input"]))
            shown = f"value {shorten(given, _MAX_VALUE_CHARACTERS, placeholder='...')!r}"
            if reason := str(item.get("ctx", {}).get("error", "")):
                shown += f": {reason}"
        yield f"{variable_name(group, name)}: invalid {shown}; allowed: {allowed_values(name, field)}"
