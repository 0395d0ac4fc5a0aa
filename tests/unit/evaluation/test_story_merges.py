"""Test the merges of a run: the stories after them, the articles that they join, and wrong merges."""

import pytest

from reprise.evaluation.labels import LabelledArticle
from reprise.evaluation.runs import DecidedArticle, OrderedRun
from reprise.evaluation.story_merges import apply_merges, is_wrong, list_merges, score_merges
from reprise.model import Decision, EventType, Fingerprint, StoryMerge


def run(*decisions: tuple[str, str, list[tuple[str, str]]]) -> OrderedRun:
    """Return the decisions of (article id, story after merges, [(younger, older)])."""
    items = []
    for line, (article_id, story, merges) in enumerate(decisions, start=1):
        article = LabelledArticle(
            line=line, title=None, label=None, fingerprint=Fingerprint(article_id=article_id, content_hash=b"")
        )
        decision = Decision(
            type=EventType.NEW,
            story_id=story,
            decided_at_ms=0,
            merges=tuple(
                StoryMerge(story_id=younger, into=older, sources=3, representatives=3) for younger, older in merges
            ),
        )
        items.append(DecidedArticle(article=article, decision=decision))
    return OrderedRun(seed=None, decided=items)


CHAIN = run(
    ("a", "A", []),
    ("b", "B", []),
    ("c", "C", []),
    ("d", "D", []),
    ("e", "B", [("C", "B")]),
    ("f", "A", [("B", "A")]),
    ("f", "A", [("B", "A")]),
)


def test_merges_of_merged_stories_lead_to_one_story() -> None:
    """C is merged into B and B into A: all their articles are in A, without the merges they are where they were."""
    assert apply_merges(CHAIN).stories() == {"a": "A", "b": "A", "c": "A", "d": "D", "e": "A", "f": "A"}
    assert CHAIN.stories() == {"a": "A", "b": "B", "c": "C", "d": "D", "e": "B", "f": "A"}


def test_each_merge_has_the_articles_of_both_stories_at_that_moment() -> None:
    """The article that shows the merge is in neither; a repeated merge is listed once."""
    found = [
        (merge.merge.story_id, [each.article_id for each in merge.younger], [each.article_id for each in merge.older])
        for merge in list_merges(CHAIN)
    ]
    assert found == [("C", ["c"], ["b"]), ("B", ["b", "c", "e"], ["a"])]
    assert [merge.shown_by.article_id for merge in list_merges(CHAIN)] == ["e", "f"]


def test_an_id_is_in_the_story_of_its_last_decision() -> None:
    """A page that moved from C to A is no article of C when C is merged."""
    (merge,) = list_merges(
        run(("a", "A", []), ("c", "C", []), ("c2", "C", []), ("c", "A", []), ("d", "A", [("C", "A")]))
    )
    assert [each.article_id for each in merge.younger] == ["c2"]
    assert [each.article_id for each in merge.older] == ["a", "c"]


def test_a_story_without_decided_articles_may_be_merged() -> None:
    """The index may know stories of another run: their merge lists no articles, and is not wrong."""
    (merge,) = list_merges(run(("a", "A", [("X", "Y")])))
    assert (merge.younger, merge.older, is_wrong(merge, {"a": "1"})) == ([], [], False)


@pytest.mark.parametrize(
    ("gold", "wrong"),
    [
        ({"a": "1", "b": "1", "c": "1"}, [False, False]),
        ({"a": "1", "b": "1", "c": "2"}, [True, False]),  # b and c: the half of the pairs with a agrees
        ({"a": "1", "b": "2", "c": "2"}, [False, True]),
        ({"a": "1"}, [False, False]),
    ],
)
def test_a_merge_is_wrong_if_most_pairs_have_different_labels(gold: dict[str, str], wrong: list[bool]) -> None:
    """Articles without a label, such as e, do not count."""
    assert [is_wrong(merge, gold) for merge in list_merges(CHAIN)] == wrong


def test_the_scores_with_merges_are_those_of_the_final_stories() -> None:
    """With c in a story of its own, one of two merges is wrong, and precision is lost."""
    scores = score_merges(CHAIN, {"a": "1", "b": "1", "c": "2"})
    assert (scores.merges, scores.wrong) == (2, 1)
    assert scores.applied.b3_p == pytest.approx(5 / 9)
    assert scores.applied.b3_r == 1
