"""The circuit limit: when bad messages are too many."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.circuit import Circuit, CircuitLimits, judge
from worker.errors import CircuitOpen

LIMITS = CircuitLimits(in_a_row=5, share=0.3, window=20, least=10)


def opens(limits: CircuitLimits, batches: Sequence[Sequence[bool]]) -> bool:
    circuit = Circuit()
    try:
        for batch in batches:
            circuit = judge(limits, circuit, batch)
    except CircuitOpen:
        return True
    return False


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("", False),
        ("....................", False),
        ("xxxx", False),
        ("xxxxx", True),
        ("xxxx.xxxx", False),  # two runs, and too few seen for a share
        ("xxxx.xxxx.", True),  # 8 of 10
        ("xxx.......", False),  # 3 of 10 is the limit, not past it
        ("xxx......x", True),
        ("xxx" + "." * 20 + "xx.xx.xx", False),  # the first three left the window
        ("." * 20 + "xx.xx.xx", False),  # 6 of 20
        ("." * 20 + "xx.xx.xx.x", True),
    ],
)
def test_limits(verdicts: str, expected: bool) -> None:
    """The circuit opens at the limit in a row and past the share, of the window and once enough were seen."""
    assert opens(LIMITS, [[mark == "x" for mark in verdicts]]) is expected


@given(st.lists(st.booleans(), max_size=80), st.lists(st.integers(1, 30), max_size=20))
def test_batches_make_no_difference(verdicts: list[bool], cuts: list[int]) -> None:
    """However a stream is cut into batches, the circuit opens or not alike."""
    batches, rest = [], verdicts
    for cut in cuts:
        batches.append(rest[:cut])
        rest = rest[cut:]
    assert opens(LIMITS, [*batches, rest]) is opens(LIMITS, [[verdict] for verdict in verdicts])


@given(st.lists(st.booleans(), max_size=200))
def test_against_its_definition(verdicts: list[bool]) -> None:
    """The running counts agree with counting afresh at every message."""
    expected = any(
        verdicts[end - LIMITS.in_a_row : end] == [True] * LIMITS.in_a_row
        or (len(seen) >= LIMITS.least and sum(seen) > LIMITS.share * len(seen))
        for end in range(1, len(verdicts) + 1)
        for seen in [verdicts[max(0, end - LIMITS.window) : end]]
    )
    assert opens(LIMITS, [verdicts]) is expected


def test_the_error_says_which_limit() -> None:
    """A person reads the limit that was reached, and that nothing was binned."""
    with pytest.raises(CircuitOpen, match=r"^5 messages in a row cannot be read \(limit 5\); .* uncommitted"):
        judge(LIMITS, Circuit(), [True] * 9)
    with pytest.raises(CircuitOpen, match=r"^4 of the last 10 messages cannot be read \(limit 30%\)"):
        judge(LIMITS, Circuit(), [True, False] * 4 + [False] * 2)
