"""The dashboard's file: what Grafana reads of it, and what an operator is told by it."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.deploy.dashboard import COLUMNS, DASHBOARD, Query, filled, panels, queries
from tests.deploy.prometheus import promtool_test

#: The worker's metrics, by name.
METRICS = Path(__file__).parents[1] / "unit" / "golden" / "metrics.txt"

#: Grid rows of 38 pixels that a screen of 1,080 shows.
SCREEN_ROWS = 28

#: Grafana's names of units, as far as they are used here; one that it does not know it shows as a word.
UNITS = {"bytes", "mps", "none", "percentunit", "s", "short"}

#: Seconds that stand for never, which is a week.
NEVER = 604_800

#: In a legend these would leave the name to Grafana, which shows the whole query.
NO_LEGEND = {"", "__auto"}


def lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """List the paths of what stands in `ours` and not in `theirs`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (mine, yours) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(mine, yours, f"{path}[{number}]")
    elif ours != theirs:
        yield path


def test_grafana_knows_every_field() -> None:
    """Read and written by Grafana's own types, options of panels included, nothing is lost: no field is misspelt."""
    register_default_plugins()
    written = json.loads(json.dumps(Dashboard.from_json(dict(DASHBOARD)), cls=JSONEncoder))
    assert list(lost(DASHBOARD, written)) == []


def test_it_can_be_provisioned_again_and_again() -> None:
    """A fixed uid, no numbers of one Grafana's database, and a data source that is chosen."""
    assert DASHBOARD["uid"] == "reprise"
    assert DASHBOARD["schemaVersion"] >= 39
    assert "id" not in DASHBOARD
    asked = [*panels(), *(each for each in DASHBOARD["templating"]["list"] if each["type"] == "query")]
    for each in asked:
        assert "id" not in each
        assert each["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_it_is_one_screen_without_overlaps() -> None:
    """No two panels share a place, none leaves Grafana's columns, and the last one ends on the first screen."""
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
def test_each_panel_tells_what_it_shows(panel: Mapping[str, Any]) -> None:
    """A title, a sentence for an operator, a unit, and a legend for each of its queries."""
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


def test_each_row_says_how_it_is_read() -> None:
    """A question and its answer in a sentence."""
    rows = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    for row in rows:
        assert re.fullmatch(r"[^?]+\?  [^?]+\.", row["title"]), row["title"]
    assert len(rows) == 4


@pytest.mark.parametrize("query", queries(), ids=str)
def test_each_query_asks_for_the_chosen_workers(query: Query) -> None:
    """Every selector chooses by instance, those of alerts, which are sums, by Kubernetes namespace."""
    selectors = re.findall(r"\b(ALERTS|(?:reprise|process)_\w+)(\{[^}]*\})?(?=[^\w(])", f"{query.expr} ")
    assert selectors
    for name, matchers in selectors:
        wanted = 'namespace=~"$namespace|"' if name == "ALERTS" else 'instance=~"$instance"'
        assert wanted in matchers, name


def test_every_metric_of_the_worker_is_shown() -> None:
    """A metric that nobody looks at is found here, and so is one that was renamed."""
    exported = set(re.findall(r"^# TYPE (\w+)", METRICS.read_text(), re.MULTILINE))
    assert exported
    asked = {name for query in queries() for name in re.findall(r"\breprise_\w+", query.expr)}
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
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
def test_the_time_to_catch_up_is_right(lag: str, articles: str, seconds: int, tmp_path: Path) -> None:
    """Ten minutes of series with a sample every 15 s: the lag over the pace at which it shrinks."""
    asked = {query.expr for query in queries() if query.panel.startswith("Time to catch up")}
    assert len(asked) == 1, "the two panels differ"
    expr = filled(asked.pop(), {"instance": "a", "__rate_interval": "1m"})
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
