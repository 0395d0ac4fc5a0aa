"""The namespaces that one worker serves: which of them an article belongs to.

May live here: the rule, as a function of the article and of a closed list. The list is the worker's setting and never
grows by what arrives: so the number of indexes is bounded, and every worker puts the same article into the same one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from reprise.model import DEFAULT_NAMESPACE

#: Between the base and a value: as somebody would name it who gives each language a worker of its own.
_JOINT: Final = "-"


class NamespaceSource(StrEnum):
    """What tells an article's namespace."""

    LANG = "lang"
    FIELD = "field"
    HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceRule:
    """The rule.

    base    the namespace of articles whose value is missing or not listed: they are compared with one another
    by      where an article's value stands; None: every article is of the base
    key     the name of the field or of the header
    values  those that have a namespace of their own, in lower case
    """

    base: str = DEFAULT_NAMESPACE
    by: NamespaceSource | None = None
    key: str = ""
    values: Sequence[str] = ()


#: Every article in the namespace that is meant where none is set.
UNDIVIDED: Final = NamespaceRule()


def namespace_names(namespaces: NamespaceRule) -> Sequence[str]:
    """List the namespaces, the base first."""
    return (namespaces.base, *(f"{namespaces.base}{_JOINT}{value}" for value in namespaces.values))


def namespace_of(
    namespaces: NamespaceRule, fields: Mapping[str, object], headers: Sequence[tuple[str, bytes]] = ()
) -> str:
    """Say where an article belongs, by its message's JSON object and headers; case does not count.

    Of a header given twice the last one counts: it was added by who was nearest.
    """
    value = _normalised(namespaces, fields, headers)
    return f"{namespaces.base}{_JOINT}{value}" if value in namespaces.values else namespaces.base


def _normalised(
    namespaces: NamespaceRule, fields: Mapping[str, object], headers: Sequence[tuple[str, bytes]]
) -> str | None:
    match namespaces.by:
        case NamespaceSource.LANG:
            found = _folded(fields.get("lang"))
            # the primary subtag of BCP 47; crawlers write pt_BR as well
            return found.replace("_", "-").split("-", 1)[0] if found else None
        case NamespaceSource.FIELD:
            return _folded(fields.get(namespaces.key))
        case NamespaceSource.HEADER:
            return _folded(_header(headers, namespaces.key))
    return None


def _folded(value: object) -> str | None:
    return value.strip().lower() if isinstance(value, str) else None


def _header(headers: Sequence[tuple[str, bytes]], key: str) -> str | None:
    for name, value in reversed(headers):
        if name.lower() == key.lower():
            return value.decode("utf-8", "replace")
    return None
