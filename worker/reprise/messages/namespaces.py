"""Select the namespace of an article from a closed list.

A rule reads the namespace from the article's language, a JSON field or a Kafka header. The list comes from the settings
and never grows with the input, so the number of indexes is bounded and every worker selects the same namespace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reprise.model import DEFAULT_NAMESPACE

#: Joins the base and a value. An operator who runs one worker a language would name their namespaces the same way.
_SEPARATOR: Final = "-"


class NamespaceSource(StrEnum):
    """Part of a message that determines the namespace of its article."""

    LANG = "lang"
    FIELD = "field"
    HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceRule:
    """A rule that maps each article to one of a fixed number of namespaces.

    base    namespace of every article whose value is missing or not in `values`
    by      part of the message to read the value from; None selects the base for every article
    key     name of the JSON field or of the header
    values  values that have a namespace of their own, in lower case
    """

    base: str = DEFAULT_NAMESPACE
    by: NamespaceSource | None = None
    key: str = ""
    values: Sequence[str] = ()


#: The rule that puts every article into the default namespace.
SINGLE_NAMESPACE: Final = NamespaceRule()


def list_namespaces(rule: NamespaceRule) -> Sequence[str]:
    """Return the namespaces of a rule, the base first."""
    return (rule.base, *(_join(rule, value) for value in rule.values))


def select_namespace(
    rule: NamespaceRule, fields: Mapping[str, object], headers: Sequence[tuple[str, bytes]] = ()
) -> str:
    """Return the namespace of an article, from the JSON object and the headers of its message.

    Values are compared without regard to case. If a header is repeated, its last value counts: it comes from the
    producer or proxy closest to the topic.
    """
    value = _read_value(rule, fields, headers)
    return _join(rule, value) if value is not None and value in rule.values else rule.base


def _join(rule: NamespaceRule, value: str) -> str:
    return f"{rule.base}{_SEPARATOR}{value}"


def _read_value(rule: NamespaceRule, fields: Mapping[str, object], headers: Sequence[tuple[str, bytes]]) -> str | None:
    match rule.by:
        case NamespaceSource.LANG:
            lang = _lower(fields.get("lang"))
            # The primary subtag of BCP 47; some crawlers write pt_BR instead of pt-BR.
            return lang.replace("_", "-").split("-", 1)[0] if lang else None
        case NamespaceSource.FIELD:
            return _lower(fields.get(rule.key))
        case NamespaceSource.HEADER:
            return _lower(_last_header(headers, rule.key))
    return None


def _lower(value: object) -> str | None:
    """Return a string in lower case without surrounding white space; None for a value of another type."""
    return value.strip().lower() if isinstance(value, str) else None


def _last_header(headers: Sequence[tuple[str, bytes]], key: str) -> str | None:
    for name, value in reversed(headers):
        if name.lower() == key.lower():
            return value.decode("utf-8", "replace")
    return None
