"""Read settings from a TOML file, as if its values were environment variables.

A key is the name of a variable without `REPRISE_`, in any letter case; a table is the beginning of the names inside it:
`group_id` in `[kafka]` is REPRISE_KAFKA_GROUP_ID.
"""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from reprise.errors import UsageError


def read_config_file(path: str, prefix: str, variables: Collection[str]) -> Mapping[str, str]:
    """Return the values of a file by environment variable.

    prefix     the beginning of every variable
    variables  the known variables; a table whose name is one of them is its value, as a JSON object

    Raises UsageError if the file cannot be read.
    """
    try:
        table = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot read the settings file: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: the settings file is not TOML: {error}") from None
    values: dict[str, str] = {}
    for variable, value in _flatten(table, prefix, variables):
        if variable in values:
            raise UsageError(f"{path}: {variable} is set twice")
        values[variable] = value
    return values


def _flatten(table: Mapping[str, Any], prefix: str, variables: Collection[str]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        name = key.upper().replace("-", "_")
        variable = name if name.startswith(prefix) else prefix + name
        if isinstance(value, dict) and variable not in variables:
            yield from _flatten(value, f"{variable}_", variables)
        else:
            yield variable, _format(value)


def _format(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(_format, value))
    return orjson.dumps(value).decode() if isinstance(value, dict) else str(value)
