"""The output of `reprise topics`."""

from typing import Any

import pytest

from reprise.commands.topics import to_json, to_line
from reprise.kafka.topics import TopicPlan, TopicState


def state(differences: tuple[str, ...] = (), *, created: bool = False, **actual: Any) -> TopicState:
    return TopicState(
        name="t", created=created, differences=differences, actual=TopicPlan(name="t", **actual) if actual else None
    )


@pytest.mark.parametrize(
    ("found", "wanted", "line"),
    [
        (state(("does not exist",)), {"partitions": 3}, "t: does not exist"),
        (
            state(partitions=6, replication=3, retention_seconds=604_800.0),
            {},
            "t: exists: partitions 6, replication 3, retention 604,800 s",
        ),
        (
            state(("has 6 partitions, not 12",), partitions=6, replication=1, retention_seconds=-1.0),
            {"partitions": 12, "replication": 3, "retention_seconds": 3600.0},
            "t: differs: partitions 6 (wanted 12), replication 1 (wanted 3), retention for ever (wanted 3,600 s)",
        ),
        (
            state(created=True, partitions=3, replication=1),
            {"partitions": 3},
            "t: created: partitions 3, replication 1",
        ),
    ],
)
def test_actual_values_stand_beside_the_wanted_ones(found: TopicState, wanted: dict[str, Any], line: str) -> None:
    """A wanted value is printed only if it differs."""
    assert to_line(found, TopicPlan(name="t", **wanted)) == line


def test_json_has_actual_and_wanted_values() -> None:
    """A missing topic has no actual values."""
    plan = TopicPlan(name="t", partitions=12)
    assert to_json(state(("has 6 partitions, not 12",), partitions=6, replication=1), plan) == {
        "topic": "t",
        "status": "differs",
        "differences": ("has 6 partitions, not 12",),
        "partitions": {"actual": 6, "wanted": 12},
        "replication": {"actual": 1, "wanted": None},
        "retention_seconds": {"actual": None, "wanted": None},
    }
    missing = to_json(state(("does not exist",)), plan)
    assert (missing["status"], missing["partitions"]) == ("missing", {"actual": None, "wanted": 12})
