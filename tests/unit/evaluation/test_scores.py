"""Test B-cubed and pairwise scores against their definitions and a reference script."""

import importlib.util
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.evaluation.scores import Scores, score, score_stories, summarize_orders

LABELLINGS = st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from("vwxyz")), min_size=1, max_size=30)


def labels(rows: list[tuple[str, str]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the gold and the predicted stories of the articles 0, 1, 2, ..."""
    gold = {str(number): label for number, (label, _) in enumerate(rows)}
    return gold, {str(number): story for number, (_, story) in enumerate(rows)}


def f1(precision: float, recall: float) -> float:
    return 0.0 if precision == recall == 0 else 2 / (1 / precision + 1 / recall) if precision and recall else 0.0


def score_by_definition(gold: dict[str, str], predicted: dict[str, str]) -> dict[str, float]:
    """Return the scores, computed from every article and every pair."""
    precision = recall = 0.0
    for article, label in gold.items():
        predicted_story = {other for other in gold if predicted[other] == predicted[article]}
        gold_story = {other for other in gold if gold[other] == label}
        precision += len(predicted_story & gold_story) / len(predicted_story) / len(gold)
        recall += len(predicted_story & gold_story) / len(gold_story) / len(gold)
    pairs = list(combinations(gold, 2))
    predicted_pairs = {(a, b) for a, b in pairs if predicted[a] == predicted[b]}
    gold_pairs = {(a, b) for a, b in pairs if gold[a] == gold[b]}
    correct = len(predicted_pairs & gold_pairs)
    pair_p = correct / len(predicted_pairs) if predicted_pairs else 0.0
    pair_r = correct / len(gold_pairs) if gold_pairs else 0.0
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
def test_the_scores_match_their_definitions(rows: list[tuple[str, str]]) -> None:
    """Counting by story returns the same scores as counting by article and by pair."""
    gold, predicted = labels(rows)
    assert asdict(score(gold, predicted)) == pytest.approx(score_by_definition(gold, predicted))


def test_the_scores_match_the_reference_script(shared_dir: Path) -> None:
    """The script of the development set returns the same scores for the same labels."""
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


def test_articles_without_a_label_are_not_scored() -> None:
    """A prediction for an article without a gold label does not change the scores."""
    gold, predicted = {"1": "a", "2": "a"}, {"1": "x", "2": "x"}
    assert score(gold, predicted | {"3": "x", "4": "y"}) == score(gold, predicted)


def test_an_article_without_a_prediction_is_an_error() -> None:
    """A missing prediction raises KeyError."""
    with pytest.raises(KeyError):
        score({"1": "a"}, {})


@given(LABELLINGS)
def test_the_scores_of_the_stories_average_to_the_total(rows: list[tuple[str, str]]) -> None:
    """Weighted by articles, precision and recall of the stories average to the total; the greatest loss is first."""
    gold, predicted = labels(rows)
    total, stories = score(gold, predicted), score_stories(gold, predicted)
    assert sum(story.precision * story.articles for story in stories) / len(gold) == pytest.approx(total.b3_p)
    assert sum(story.recall * story.articles for story in stories) / len(gold) == pytest.approx(total.b3_r)
    assert [story.loss for story in stories] == sorted((story.loss for story in stories), reverse=True)


def test_the_orders_are_summarized_by_score() -> None:
    """Each score has its mean, worst and spread over the orders."""

    def of(value: float) -> Scores:
        return Scores(stories=1, b3_p=value, b3_r=1, b3_f1=1, pair_p=1, pair_r=1, pair_f1=1)

    summary = summarize_orders([of(0.5), of(0.9), of(0.7)])
    assert (summary["b3_p"].mean, summary["b3_p"].worst, summary["b3_p"].spread) == pytest.approx((0.7, 0.5, 0.4))
    assert summary["pair_f1"].spread == 0
    assert "stories" not in summary
