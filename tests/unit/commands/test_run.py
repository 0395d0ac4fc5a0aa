"""The options of `reprise run`."""

import pytest

from reprise.commands.run import read_until
from reprise.errors import UsageError
from reprise.warm_up.cutoff import GroupCutoff, OffsetCutoff, TimeCutoff


@pytest.mark.parametrize(
    ("text", "until"),
    [
        ("2026-11-21T08:00:00Z", TimeCutoff(at_ms=1_795_248_000_000)),
        ("2026-11-21T09:00:00.500+01:00", TimeCutoff(at_ms=1_795_248_000_500)),
        ("0:1234,1:1200", OffsetCutoff(offsets={0: 1234, 1: 1200})),
        ("group:reprise-1", GroupCutoff(group_id="reprise-1")),
    ],
)
def test_the_three_forms(text: str, until: object) -> None:
    """A time, offsets and a group are told apart by their form."""
    assert read_until(text) == until


@pytest.mark.parametrize("text", ["", "group:", "0:1,0:2", "1234", "2026-11-21T08:00:00", "yesterday", "0:-1"])
def test_other_forms_are_refused(text: str) -> None:
    """A time without its zone, a partition named twice and an empty name are mistakes, told with what is allowed."""
    with pytest.raises(UsageError, match=r"--warm-up: .* allowed: a time such as"):
        read_until(text)
