"""The worker's settings in the chart: `python -m deploy.helm.chart_settings` writes them, `make test-deploy` compares.

Written into deploy/helm/reprise, each between two marks or under one key, and nowhere else:

    values.yaml         every setting with its default, as the reference that `helm show values` prints
    values.schema.json  what each allows, so that helm refuses a typo before anything is deployed
    README.md           the table for people

A setting's name in the values is its variable's without the prefix, in camel case: REPRISE_KAFKA_GROUP_ID is
kafkaGroupId. The templates turn it back, so a new setting needs this command and no template.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

from reprise.settings.groups import PREFIX, setting_groups, variable_name
from reprise.settings.help_text import SettingHelp, describe

CHART: Final = Path(__file__).parent / "reprise"

#: Settings whose values come from a Secret and must not stand in a ConfigMap. The URL may stand in either: many Redis
#: have no password, or have it in a setting of its own.
_IN_SECRETS_ONLY: Final = frozenset({"REPRISE_KAFKA_SASL_PASSWORD", "REPRISE_REDIS_PASSWORD"})

#: Settings whose default, this machine, is nobody's in a pod: the chart asks for them.
_ASKED_FOR: Final = frozenset({"REPRISE_KAFKA_BOOTSTRAP_SERVERS", "REPRISE_REDIS_URL"})

#: Settings whose default is another one in a cluster. Workers are scraped every 30 s: 90 s let even a slow Prometheus
#: see that the circuit opened, and are over before liveness ends the wait.
_IN_A_CLUSTER: Final[Mapping[str, object]] = {"REPRISE_CIRCUIT_HOLD_SECONDS": 90}

#: One value for every replica would make them one member of the group: the chart gives each pod its own name instead.
_PER_POD: Final = frozenset({"REPRISE_KAFKA_GROUP_INSTANCE_ID"})

#: Keys under which the common operators (Strimzi, cert-manager) keep such things in their Secrets.
_USUAL_KEYS: Final = {
    "kafkaSaslPassword": "password",
    "kafkaSslCafile": "ca.crt",
    "kafkaSslCertfile": "tls.crt",
    "kafkaSslKeyfile": "tls.key",
    "redisUrl": "url",
    "redisPassword": "password",
    "redisSslCafile": "ca.crt",
    "redisSslCertfile": "tls.crt",
    "redisSslKeyfile": "tls.key",
}

#: What holds in a pod beyond what holds for the worker: a password belongs in a Secret, and probes need a known port.
_NARROWED: Final[Mapping[str, Mapping[str, Any]]] = {
    "redisUrl": {"pattern": "^(rediss?://([^:@/]+@)?[^@/]+(/[^@]*)?|unix://.+)$"},
    "httpPort": {"minimum": 1},
}

#: The parts of pydantic's schema of a field that say what it allows.
_KEYWORDS: Final = ("type", "enum", "minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength", "pattern")

#: Columns of values.yaml: the repository's line length.
_COLUMNS: Final = 120

_BEGIN: Final = "begin of the settings, written by deploy/helm/chart_settings.py"
_END: Final = "end of the settings"
_MARKS: Final = {
    "values.yaml": (f"# -- {_BEGIN}\n", f"# -- {_END}\n"),
    "README.md": (f"<!-- {_BEGIN} -->\n", f"<!-- {_END} -->\n"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSetting:
    """A setting as the chart sees it.

    schema   what it allows, as JSON Schema
    default  the chart's; None where it is not set or must be given
    path     whether the setting itself names a file: then a Secret may hold that file
    """

    name: str
    described: SettingHelp
    schema: Mapping[str, Any]
    default: object
    path: bool

    @property
    def plain(self) -> bool:
        """Whether it stands under `settings`."""
        return self.described.variable not in _IN_SECRETS_ONLY | _PER_POD

    @property
    def from_secret(self) -> bool:
        """Whether it stands under `secrets`."""
        return self.described.secret or self.path


def value_name(variable: str) -> str:
    """Turn a variable's name into the values' one."""
    first, *others = variable.removeprefix(PREFIX).lower().split("_")
    return first + "".join(word.capitalize() for word in others)


def chart_settings() -> Iterator[ChartSetting]:
    """List every setting of the worker, in its order."""
    fields = dict(_fields())
    for described in describe():
        field = fields[described.variable]
        name = value_name(described.variable)
        options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
        schema = {key: options[0][key] for key in _KEYWORDS if key in options[0]} | dict(_NARROWED.get(name, {}))
        default = _IN_A_CLUSTER.get(described.variable, _whole(field.get("default")))
        if described.variable in _ASKED_FOR:
            default = None
        if default is None:
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
        yield ChartSetting(
            name=name,
            described=described,
            schema={"description": described.meaning, **schema},
            default=default,
            path=options[0].get("format") == "path",
        )


def _fields() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for _, group in setting_groups():
        schema = group.model_json_schema()
        for name, field in schema["properties"].items():
            # an enum stands beside its group, and the field points there
            pointed = schema["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else {}
            yield variable_name(group, name), {**pointed, **field}


def _whole(number: object) -> object:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def schema_text(text: str) -> str:
    """Give values.schema.json with the settings and the secrets of this worker."""
    schema = json.loads(text)
    settings, properties = list(chart_settings()), schema["properties"]
    properties["settings"]["properties"] = {each.name: each.schema for each in settings if each.plain}
    properties["secrets"]["properties"] = {
        each.name: {"$ref": "#/definitions/secretKey"} for each in settings if each.from_secret
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def values_text(text: str) -> str:
    """Give values.yaml with the settings of this worker and their defaults."""
    return _between("values.yaml", text, "".join(_values_lines()))


def _values_lines() -> Iterator[str]:
    yield "settings:\n"
    for each in chart_settings():
        if each.plain:
            needed = " Needed" + (", here or under secrets." if each.from_secret else ".")
            asked = needed if each.described.variable in _ASKED_FOR else ""
            for line in wrap(f"{each.described.meaning}{asked} Allowed: {each.described.allowed}.", _COLUMNS - 4):
                yield f"  # {line}\n"
            yield f"  {each.name}: {json.dumps(each.default)}\n"
    yield "\n# Settings that Secrets of the release's namespace hold: `existingSecret` names one, `key` its key.\n"
    yield "# They are mounted as files; what stands here must not stand under `settings` too.\n"
    yield "secrets:\n"
    for each in chart_settings():
        if each.from_secret:
            yield f"  # {each.described.meaning}\n"
            yield f'  {each.name}:\n    existingSecret: ""\n    key: {_USUAL_KEYS.get(each.name, each.name)}\n'


def readme_text(text: str) -> str:
    """Give the chart's README.md with the table of the settings."""
    rows = ["| value | default | meaning | allowed |\n", "| --- | --- | --- | --- |\n"]
    for each in chart_settings():
        places = [f"`settings.{each.name}`"] * each.plain + [f"`secrets.{each.name}`"] * each.from_secret
        where = ", ".join(places) or "`staticMembership.enabled`"
        default = "" if each.default is None else f"`{json.dumps(each.default)}`"
        rows.append(f"| {where} | {default} | {each.described.meaning} | {each.described.allowed} |\n")
    return _between("README.md", text, "\n" + "".join(rows) + "\n")


def _between(name: str, text: str, content: str) -> str:
    begin, end = _MARKS[name]
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{name}: the marks of the settings are missing: {begin.strip()!r}, {end.strip()!r}")
    return f"{before}{begin}{content}{end}{after}"


#: Every file that is written, and what makes its text from the one that is there.
FILES: Final = {"values.yaml": values_text, "values.schema.json": schema_text, "README.md": readme_text}


def main() -> None:
    """Write the files that differ."""
    for name, renew in FILES.items():
        path = CHART / name
        text = path.read_text(encoding="utf-8")
        renewed = renew(text)
        if renewed != text:
            path.write_text(renewed, encoding="utf-8")
            print(f"{path}: renewed")  # noqa: T201  # a command's answer


if __name__ == "__main__":
    main()
