"""Test the changes of thresholds in measurements."""

from dataclasses import fields

import pytest

from reprise.dedup import shared_passages
from reprise.dedup.rule import Rule
from tests.bench.rule_changes import apply_changes, neighbours, thresholds


def test_fields_and_constants_change_while_the_context_lasts() -> None:
    """Values have the type of the field; constants have their values again afterwards."""
    before = shared_passages._MAX_REST
    with apply_changes(["copied_words=30", "near_similarity=.4", "shared_passages._MAX_REST=0.7"]) as rule:
        assert (rule.copied_words, rule.near_similarity, shared_passages._MAX_REST) == (30, 0.4, 0.7)
        assert isinstance(rule.copied_words, int)
    assert before == shared_passages._MAX_REST
    with apply_changes([]) as rule:
        assert rule == Rule()


@pytest.mark.parametrize("assignment", ["copied_wrds=3", "shared_passages._NONE=1", "nothing.X=1", "copied_words=many"])
def test_a_wrong_assignment_is_an_error(assignment: str) -> None:
    """An unknown name or a value that is no number raises ValueError."""
    with pytest.raises(ValueError, match=r"\w"), apply_changes([assignment]):
        pass


def test_every_threshold_has_neighbours_that_can_be_applied() -> None:
    """Bounds of memory and time are no thresholds. Each threshold moves down or up, and every move changes it."""
    found = thresholds()
    assert not found.keys() & {"permutations", "sketch_size", "bucket_entries", "candidates"}
    assert {field.name for field in fields(Rule)} & found.keys()
    for name, value in found.items():
        moves = list(neighbours(name, value))
        assert moves
        for move in moves:
            assert float(move.partition("=")[2]) != value
            with apply_changes([move]):
                pass


def test_whole_numbers_move_by_one_at_least() -> None:
    """A quarter less and a third more, rounded; shares stay at most 1."""
    assert list(neighbours("x", 2)) == ["x=1", "x=3"]
    assert list(neighbours("x", 35)) == ["x=26", "x=47"]
    assert list(neighbours("x", 0.9)) == ["x=0.675", "x=1"]
    assert list(neighbours("x", 1)) == ["x=2"]
