"""The dashboard's file: Grafana's types accept it, and its panels have titles, descriptions and valid queries."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy.dashboard import COLUMNS, DASHBOARD, Query, panels, queries, substitute
from tests.deploy.prometheus import promtool_test

#: The worker's metrics, by name.
METRICS = Path(__file__).parents[1] / "unit" / "observability" / "golden" / "metrics.txt"

#: Grid rows of 38 pixels on a screen of 1,080 pixels.
SCREEN_ROWS = 28

#: The units in use. Grafana would show a misspelt one as a word.
UNITS = {"bytes", "mps", "none", "percentunit", "s", "short"}

#: Seconds that the panel shows as "never": a week.
NEVER = 604_800

#: Legends for which Grafana shows the whole query.
NO_LEGEND = {"", "__auto"}


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Yield the paths of values that `ours` has and `theirs` has not."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (mine, yours) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(mine, yours, f"{path}[{number}]")
    elif ours != theirs:
        yield path


def test_grafana_knows_every_field() -> None:
    """Grafana's own types keep every field when they read and write the file, so that no field is misspelt."""
    register_default_plugins()
    model = {name: value for name, value in DASHBOARD.items() if not name.startswith("__")}
    written = json.loads(json.dumps(Dashboard.from_json(model), cls=JSONEncoder))
    assert list(lost(model, written)) == []


def test_an_import_asks_for_the_data_source() -> None:
    """The input becomes the value of the variable that all queries use; every panel type is listed as required."""
    (data_source,) = DASHBOARD["__inputs"]
    assert (data_source["name"], data_source["type"], data_source["pluginId"]) == (
        "DS_PROMETHEUS",
        "datasource",
        "prometheus",
    )
    (variable,) = (each for each in DASHBOARD["templating"]["list"] if each["type"] == "datasource")
    assert variable["name"] == "datasource"
    assert variable["current"]["value"] == "${DS_PROMETHEUS}"
    required = {(each["type"], each["id"]) for each in DASHBOARD["__requires"]}
    assert required == {
        ("grafana", "grafana"),
        ("datasource", "prometheus"),
        *(("panel", panel["type"]) for panel in panels()),
    }
    assert "${DS_PROMETHEUS}" not in json.dumps(DASHBOARD["panels"])


def test_the_dashboard_can_be_provisioned_repeatedly() -> None:
    """It has a fixed uid, no ids of a Grafana database, and its queries use the data source of the variable."""
    assert DASHBOARD["uid"] == "reprise"
    assert DASHBOARD["schemaVersion"] >= 39
    assert "id" not in DASHBOARD
    variables = [each for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]
    for each in (*panels(), *variables):
        assert "id" not in each
        assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_panels_fill_one_screen() -> None:
    """No two panels overlap, none exceeds Grafana's columns, and the last one ends on the first screen."""
    places = []
    for panel in DASHBOARD["panels"]:
        grid = panel["gridPos"]
        assert 0 <= grid["x"] < grid["x"] + grid["w"] <= COLUMNS, panel["title"]
        assert 0 <= grid["y"] < grid["y"] + grid["h"] <= SCREEN_ROWS, panel["title"]
        columns = range(grid["x"], grid["x"] + grid["w"])
        cells = set(product(columns, range(grid["y"], grid["y"] + grid["h"])))
        places.append((panel["title"], cells))
    for (one, cells), (other, others) in combinations(places, 2):
        assert not cells & others, (one, other)
    assert sum(len(cells) for _, cells in places) == COLUMNS * SCREEN_ROWS, "there are holes"


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: f"{panel['title']} ({panel['type']})")
def test_each_panel_has_a_title_a_description_and_units(panel: Mapping[str, Any]) -> None:
    """Each query has a legend."""
    assert panel["title"]
    assert re.fullmatch(r".{30,}\.", panel["description"]), panel["description"]
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    if panel["type"] == "heatmap":
        assert panel["options"]["yAxis"]["unit"] == "s"
    references = [target["refId"] for target in panel["targets"]]
    assert references
    assert len(references) == len(set(references))
    for target in panel["targets"]:
        assert target["legendFormat"] not in NO_LEGEND


def test_the_dashboard_links_to_runbook_and_logs() -> None:
    """Both open beside the dashboard; the link to the logs has the chosen namespaces and time."""
    links = {link["title"]: link for link in DASHBOARD["links"]}
    assert links.keys() == {"Runbook", "Logs"}
    assert all(link["targetBlank"] for link in links.values())
    explore = json.loads(unquote(links["Logs"]["url"].partition("left=")[2]))
    assert explore["range"] == {"from": "$__from", "to": "$__to"}
    assert '"$namespace"' in explore["queries"][0]["expr"]


def test_each_row_has_a_topic() -> None:
    """The description of its first panel begins with a sentence about the healthy state."""
    rows = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    for row in rows:
        assert re.fullmatch(r"[A-Z]\w+", row["title"]), row["title"]
    assert len(rows) == 4


@pytest.mark.parametrize("query", queries(), ids=str)
def test_each_query_selects_the_chosen_workers(query: Query) -> None:
    """Selectors use the instance; those of alerts use the Kubernetes namespace, which sum over instances."""
    selectors = re.findall(r"\b(ALERTS|(?:reprise|process)_\w+)(\{[^}]*\})?(?=[^\w(])", f"{query.expr} ")
    assert selectors
    for name, matchers in selectors:
        wanted = 'namespace=~"$namespace|"' if name == "ALERTS" else 'instance=~"$instance"'
        assert wanted in matchers, name


def test_every_metric_of_the_worker_is_shown() -> None:
    """The panels use every exported metric and no other."""
    exported = set(re.findall(r"^# TYPE (\w+)", METRICS.read_text(), re.MULTILINE))
    assert exported
    queried = {name for query in queries() for name in re.findall(r"\breprise_\w+", query.expr)}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in queried}
    assert shown == exported


@pytest.mark.parametrize(
    ("lag", "articles", "seconds"),
    [
        pytest.param("6000-120x60", "0+150x60", 150, id="8 a second less, 1200 left"),
        pytest.param("1000+150x60", "0+150x60", NEVER, id="growing"),
        pytest.param("1000x60", "0x60", NEVER, id="nothing decided"),
        pytest.param("40x60", "0+150x60", 0, id="less than five seconds of work"),
        pytest.param("0x60", "0x60", 0, id="at rest"),
    ],
)
def test_time_to_catch_up_is_lag_over_its_decrease(lag: str, articles: str, seconds: int, tmp_path: Path) -> None:
    """Evaluate it by promtool on ten minutes of series with a sample every 15 s."""
    in_panels = {query.expr for query in queries() if query.panel.startswith("Time to catch up")}
    expressions = {expr for expr in in_panels if "deriv(" in expr}
    assert len(expressions) == 1, "the two panels differ"
    expr = substitute(expressions.pop(), {"instance": "a", "__rate_interval": "1m"})
    test = {
        "interval": "15s",
        "input_series": [
            {"series": 'reprise_consumer_lag{instance="a"}', "values": lag},
            {"series": 'reprise_articles_total{instance="a"}', "values": articles},
        ],
        "promql_expr_test": [
            {"expr": f"round({expr})", "eval_time": "10m", "exp_samples": [{"labels": "{}", "value": seconds}]}
        ],
    }
    assert promtool_test([test], tmp_path) == ""
