"""The circuit limit: when bad messages are too many."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.errors import CircuitOpen
from reprise.processing.circuit_breaker import CircuitLimits, CircuitState, deserialize, serialize, update

LIMITS = CircuitLimits(max_consecutive=5, max_ratio=0.3, window=20, min_samples=10)


def opens(limits: CircuitLimits, batches: Sequence[Sequence[bool]]) -> bool:
    circuit = CircuitState()
    try:
        for batch in batches:
            circuit = update(limits, circuit, batch)
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
        verdicts[end - LIMITS.max_consecutive : end] == [True] * LIMITS.max_consecutive
        or (len(seen) >= LIMITS.min_samples and sum(seen) > LIMITS.max_ratio * len(seen))
        for end in range(1, len(verdicts) + 1)
        for seen in [verdicts[max(0, end - LIMITS.window) : end]]
    )
    assert opens(LIMITS, [verdicts]) is expected


def test_the_error_says_which_limit() -> None:
    """A person reads the limit that was reached, and that nothing was binned."""
    with pytest.raises(CircuitOpen, match=r"^5 messages in a row cannot be read \(limit 5\); .* uncommitted"):
        update(LIMITS, CircuitState(), [True] * 9)
    with pytest.raises(CircuitOpen, match=r"^4 of the last 10 messages cannot be read \(limit 30%\)"):
        update(LIMITS, CircuitState(), [True, False] * 4 + [False] * 2)


@given(
    recent=st.binary().map(lambda octets: bytes(octet % 2 for octet in octets)), consecutive=st.integers(0, 1_000_000)
)
def test_a_note_keeps_the_state(recent: bytes, consecutive: int) -> None:
    """What is noted is what is recalled, whatever it begins with."""
    circuit = CircuitState(recent=recent, consecutive=consecutive)
    assert deserialize([serialize(circuit)]) == circuit


def test_a_note_is_small() -> None:
    """A full window fits many times into what a broker keeps with an offset."""
    assert len(serialize(CircuitState(recent=bytes([1]) * 1000, consecutive=1_000_000))) < 300


def test_the_worst_of_several_notes_is_recalled() -> None:
    """Of partitions that come from several workers, the longest run and the largest share count."""
    calm, row, share = (
        CircuitState(recent=b"\0" * 9),
        CircuitState(recent=b"\0\1\1", consecutive=2),
        CircuitState(recent=b"\1\1\1\0"),
    )
    assert deserialize(map(serialize, (calm, row, share))) == CircuitState(recent=share.recent, consecutive=2)


@pytest.mark.parametrize("strange", ["", ".", "autocommit", "1.", "-1.3", "1.3.1", "1." + "f" * 5000])
def test_a_strange_note_says_nothing(strange: str) -> None:
    """Metadata of other tools, or none, leaves the circuit as a new worker has it."""
    assert deserialize([strange]) == CircuitState()
