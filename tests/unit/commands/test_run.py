"""The options of `reprise run`."""

import pytest

from reprise.commands.run import parse_cutoff
from reprise.errors import UsageError
from reprise.warm_up.cutoff import GroupCutoff, OffsetCutoff, TimeCutoff


@pytest.mark.parametrize(
    ("text", "cutoff"),
    [
        ("2026-11-21T08:00:00Z", TimeCutoff(at_ms=1_795_248_000_000)),
        ("2026-11-21T09:00:00.500+01:00", TimeCutoff(at_ms=1_795_248_000_500)),
        ("0:1234,1:1200", OffsetCutoff(offsets={0: 1234, 1: 1200})),
        ("group:reprise-1", GroupCutoff(group_id="reprise-1")),
    ],
)
def test_a_cutoff_is_a_time_offsets_or_a_group(text: str, cutoff: object) -> None:
    """The form of --warm-up selects the kind of cutoff."""
    assert parse_cutoff(text) == cutoff


@pytest.mark.parametrize("text", ["", "group:", "0:1,0:2", "1234", "2026-11-21T08:00:00", "yesterday", "0:-1"])
def test_any_other_cutoff_is_an_error(text: str) -> None:
    """A time without a zone, a repeated partition and an empty group are errors; the line has the allowed forms."""
    with pytest.raises(UsageError, match=r"--warm-up: .* allowed: a time such as"):
        parse_cutoff(text)
