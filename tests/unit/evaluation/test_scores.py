"""B-cubed and pairwise scores, against a second way to count them."""

import importlib.util
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.evaluation.scores import Scores, over_orders, score, score_stories

LABELLINGS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("vwxyz")), min_size=1, max_size=30)


def labels(rows: list[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """The gold and the predicted story of articles 0, 1, 2, ..."""
    gold = {str(number): label for number, (label, _) in enumerate(rows)}
    return gold, {str(number): story for number, (_, story) in enumerate(rows)}


def f1(precision: float, recall: float) -> float:
    return 0.0 if precision == recall == 0 else 2 / (1 / precision + 1 / recall) if precision and recall else 0.0


def by_definition(gold: dict[str, str], predicted: dict[str, str]) -> dict[str, float]:
    """The figures by looking at every article and every pair."""
    precision = recall = 0.0
    for article, label in gold.items():
        found = {other for other in gold if predicted[other] == predicted[article]}
        wanted = {other for other in gold if gold[other] == label}
        precision += len(found & wanted) / len(found) / len(gold)
        recall += len(found & wanted) / len(wanted) / len(gold)
    pairs = list(combinations(gold, 2))
    found_pairs = {(a, b) for a, b in pairs if predicted[a] == predicted[b]}
    wanted_pairs = {(a, b) for a, b in pairs if gold[a] == gold[b]}
    right = len(found_pairs & wanted_pairs)
    pair_p = right / len(found_pairs) if found_pairs else 0.0
    pair_r = right / len(wanted_pairs) if wanted_pairs else 0.0
    return {
        "stories": len({predicted[article] for article in gold}),
        "b3_p": precision,
        "b3_r": recall,
        "b3_f1": f1(precision, recall),
        "pair_p": pair_p,
        "pair_r": pair_r,
        "pair_f1": f1(pair_p, pair_r),
    }


@given(LABELLINGS)
def test_the_scores_are_those_of_the_definitions(rows: list[tuple[str, str]]) -> None:
    """Counting stories gives what looking at every article and every pair gives."""
    gold, predicted = labels(rows)
    assert asdict(score(gold, predicted)) == pytest.approx(by_definition(gold, predicted))


def test_the_scores_are_those_of_the_reference_script(shared_dir: Path) -> None:
    """The development set's own script gives the same figures for the same labels."""
    spec = importlib.util.spec_from_file_location("reference_score", shared_dir / "eval" / "score.py")
    assert spec is not None
    assert spec.loader is not None
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)

    @given(LABELLINGS)
    def check(rows: list[tuple[str, str]]) -> None:
        gold, predicted = labels(rows)
        ours = asdict(score(gold, predicted))
        assert ours == pytest.approx({name: reference.scores(gold, predicted)[name] for name in ours})

    check()


def test_articles_without_a_label_count_nowhere() -> None:
    """A prediction for an article that gold does not name changes nothing."""
    gold, predicted = {"1": "a", "2": "a"}, {"1": "x", "2": "x"}
    assert score(gold, predicted | {"3": "x", "4": "y"}) == score(gold, predicted)


def test_an_article_without_a_prediction_is_an_error() -> None:
    """Nothing is scored as if it had been decided."""
    with pytest.raises(KeyError):
        score({"1": "a"}, {})


@given(LABELLINGS)
def test_the_stories_scores_average_to_the_whole(rows: list[tuple[str, str]]) -> None:
    """Weighted by their articles, the gold stories' precisions and recalls are the whole's; the worst come first."""
    gold, predicted = labels(rows)
    whole, stories = score(gold, predicted), score_stories(gold, predicted)
    assert sum(each.precision * each.articles for each in stories) / len(gold) == pytest.approx(whole.b3_p)
    assert sum(each.recall * each.articles for each in stories) / len(gold) == pytest.approx(whole.b3_r)
    assert [each.loss for each in stories] == sorted((each.loss for each in stories), reverse=True)


def test_orders_are_gathered_by_figure() -> None:
    """Mean, worst and spread of each figure over the orders."""

    def of(value: float) -> Scores:
        return Scores(stories=1, b3_p=value, b3_r=1, b3_f1=1, pair_p=1, pair_r=1, pair_f1=1)

    gathered = over_orders([of(0.5), of(0.9), of(0.7)])
    assert (gathered["b3_p"].mean, gathered["b3_p"].worst, gathered["b3_p"].spread) == pytest.approx((0.7, 0.5, 0.4))
    assert gathered["pair_f1"].spread == 0
    assert "stories" not in gathered
