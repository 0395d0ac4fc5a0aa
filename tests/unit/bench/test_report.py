"""Claims about the benchmark's page: it says what the figures say, and hides no goal that was missed."""

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from tests.bench.goals.profile import FORMS
from tests.bench.goals.report import page
from tests.bench.goals.results import Results
from tests.bench.goals.verdicts import verdicts

_DOCS = Path(__file__).parents[3] / "docs" / "internals" / "benchmark"


def _kept() -> list[Results]:
    files = [_DOCS / "figures" / f"{form}.json" for form in FORMS]
    return [TypeAdapter(Results).validate_json(file.read_bytes()) for file in files if file.is_file()]


@pytest.fixture
def results() -> Results:
    return _kept()[0]


def test_the_page_that_is_kept_follows_from_the_figures_that_are_kept() -> None:
    """`make bench ARGS=--draw-only` renews it."""
    assert (_DOCS / "results.md").read_text("utf-8") == page(_kept(), "figures")


@pytest.mark.parametrize(("p99_ms", "met", "told"), [(250.0, True, "| met |"), (250.4, False, "| **unmet** |")])
def test_a_goal_is_met_or_printed_as_unmet(results: Results, p99_ms: float, met: bool, told: str) -> None:
    """To the unrounded figure: what rounds to its goal may have missed it."""
    changed = replace(results, latency=replace(results.latency, p99_ms=p99_ms))
    assert [each.met for each in verdicts(changed) if each.measure.endswith("p99")] == [met]
    line = next(line for line in page([changed], "figures").splitlines() if ", p99 |" in line)
    assert line.endswith(told)


def test_a_goal_of_the_million_is_not_met_by_a_smaller_index(results: Results) -> None:
    """However flat it was until there."""
    few = [each for each in results.growth.sizes if each.articles < 1_000_000]
    smaller = replace(results, growth=replace(results.growth, sizes=few))
    assert [each.met for each in verdicts(smaller) if "time of a decision" in each.measure] == [None]
