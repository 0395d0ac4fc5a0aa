"""Helpers for tests of the dashboard: panels, queries, variables, and the substitution of variables."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.helm.chart_settings import CHART

DASHBOARD: Final[Mapping[str, Any]] = json.loads((CHART / "files" / "dashboard.json").read_text())

#: Columns of Grafana's grid.
COLUMNS: Final = 24

_LABEL_VALUES: Final = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query of a panel. `instant` queries one moment, as tables do; other queries cover a time range."""

    panel: str
    ref: str
    expr: str
    legend: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.panel} {self.ref}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable with the values of a label. `all_value` is the value of the choice All."""

    name: str
    series: str
    label: str
    all_value: str | None


def panels() -> Sequence[Mapping[str, Any]]:
    """Return the panels without the rows."""
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def queries() -> Sequence[Query]:
    """Return every query of every panel."""
    return [
        Query(
            panel=f"{panel['title']} ({panel['type']})",
            ref=target["refId"],
            expr=target["expr"],
            legend=target["legendFormat"],
            instant=target.get("instant", False),
        )
        for panel in panels()
        for target in panel["targets"]
    ]


def variables() -> Sequence[Variable]:
    """Return the variables, each after those that it uses. Raises ValueError for another form of query."""
    result = []
    for each in DASHBOARD["templating"]["list"]:
        if each["type"] == "query":
            query = _LABEL_VALUES.fullmatch(each["query"]["query"])
            if query is None:
                raise ValueError(each["query"]["query"])
            result.append(
                Variable(
                    name=each["name"],
                    series=query["series"],
                    label=query["label"],
                    all_value=each.get("allValue"),
                )
            )
    return result


def substitute(text: str, values: Mapping[str, str]) -> str:
    """Return a query with its variables replaced. Raises KeyError for a variable without a value."""
    return re.sub(r"\$(\w+)", lambda match: values[match[1]], text)


def alternatives(values: Sequence[str]) -> str:
    """Return the regular expression that Grafana substitutes for several values, escaped for a PromQL string."""
    return "(" + "|".join(re.escape(value).replace("\\", "\\\\") for value in values) + ")"
