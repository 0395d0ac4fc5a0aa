"""Test the page of the benchmark: it matches the saved results and shows every unmet goal."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.bench.goals.goal_results import evaluate_goals
from tests.bench.goals.profile import PROFILES
from tests.bench.goals.report import render_page
from tests.bench.goals.results import BenchmarkResults

_DOCS = Path(__file__).parents[3] / "docs" / "internals" / "benchmark"


def _load_saved() -> list[BenchmarkResults]:
    files = [_DOCS / "figures" / f"{profile}.json" for profile in PROFILES]
    return [TypeAdapter(BenchmarkResults).validate_json(file.read_bytes()) for file in files if file.is_file()]


@pytest.fixture
def results() -> BenchmarkResults:
    return _load_saved()[0]


def test_the_saved_page_matches_the_saved_results() -> None:
    """`make bench ARGS=--draw-only` updates the page."""
    assert (_DOCS / "results.md").read_text("utf-8") == render_page(_load_saved(), "figures")


@pytest.mark.parametrize(("p99_ms", "is_met", "cell"), [(40.0, True, "| met |"), (40.04, False, "| **unmet** |")])
def test_the_page_shows_whether_a_goal_is_met(
    results: BenchmarkResults, p99_ms: float, is_met: bool, cell: str
) -> None:
    """The unrounded value decides: 40.04 ms rounds to the goal of 40 ms and misses it."""
    first, *others = results.latencies
    changed = replace(results, latencies=[replace(first, event=replace(first.event, p99_ms=p99_ms)), *others])
    goals = [goal for goal in evaluate_goals(changed) if goal.measure.endswith("at 100 articles/s, p99")]
    assert [goal.is_met for goal in goals] == [is_met]
    line = next(line for line in render_page([changed], "figures").splitlines() if "100 articles/s, p99 |" in line)
    assert line.endswith(cell)


def test_a_small_index_does_not_decide_the_goal_for_growth(results: BenchmarkResults) -> None:
    """The goal refers to a million articles."""
    sizes = [size for size in results.growth.sizes if size.articles < 1_000_000]
    smaller = replace(results, growth=replace(results.growth, sizes=sizes))
    assert [goal.is_met for goal in evaluate_goals(smaller) if "CPU per decision" in goal.measure] == [None]
