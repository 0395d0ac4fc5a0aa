"""The dashboard as its tests read it: panels, queries, variables, and what Grafana puts in their place."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from deploy.helm.chart_settings import CHART

DASHBOARD: Final[Mapping[str, Any]] = json.loads((CHART / "files" / "dashboard.json").read_text())

#: Grafana's columns.
COLUMNS: Final = 24

_LABEL_VALUES: Final = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query of a panel; `instant` asks for one moment, as a table does, else it is asked over time."""

    panel: str
    ref: str
    expr: str
    legend: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.panel} {self.ref}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A variable that Prometheus fills: the values of a label of some series. `all_value` stands for all of them."""

    name: str
    series: str
    label: str
    all_value: str | None


def panels() -> Sequence[Mapping[str, Any]]:
    """Return the panels that show something: all but the rows' titles."""
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
    """Return the variables, each after those that it uses. Raises ValueError where one is no label's values."""
    found = []
    for each in DASHBOARD["templating"]["list"]:
        if each["type"] == "query":
            query = _LABEL_VALUES.fullmatch(each["query"]["query"])
            if query is None:
                raise ValueError(each["query"]["query"])
            found.append(
                Variable(
                    name=each["name"],
                    series=query["series"],
                    label=query["label"],
                    all_value=each.get("allValue"),
                )
            )
    return found


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a query with the values in place of the variables. Raises KeyError for a variable that nobody fills."""
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)


def any_of(values: Sequence[str]) -> str:
    """Return the regular expression that Grafana makes of several values, inside PromQL's quotes."""
    return "(" + "|".join(re.escape(value).replace("\\", "\\\\") for value in values) + ")"
