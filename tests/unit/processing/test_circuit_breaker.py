"""The circuit breaker: its limits, and its state in the metadata of offsets."""

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
    ("messages", "expected"),
    [
        ("", False),
        ("....................", False),
        ("xxxx", False),
        ("xxxxx", True),
        ("xxxx.xxxx", False),  # two runs below the limit, and fewer messages than for the ratio
        ("xxxx.xxxx.", True),  # 8 of 10
        ("xxx.......", False),  # 3 of 10 equals the limit
        ("xxx......x", True),
        ("xxx" + "." * 20 + "xx.xx.xx", False),  # the first three are outside the window
        ("." * 20 + "xx.xx.xx", False),  # 6 of 20
        ("." * 20 + "xx.xx.xx.x", True),
    ],
)
def test_limits(messages: str, expected: bool) -> None:
    """The circuit opens at the limit of consecutive messages, and above the ratio of the window."""
    assert opens(LIMITS, [[mark == "x" for mark in messages]]) is expected


@given(st.lists(st.booleans(), max_size=80), st.lists(st.integers(1, 30), max_size=20))
def test_the_size_of_batches_has_no_effect(rejected: list[bool], cuts: list[int]) -> None:
    """The circuit opens at the same message for all batch sizes."""
    batches, rest = [], rejected
    for cut in cuts:
        batches.append(rest[:cut])
        rest = rest[cut:]
    assert opens(LIMITS, [*batches, rest]) is opens(LIMITS, [[is_rejected] for is_rejected in rejected])


@given(st.lists(st.booleans(), max_size=200))
def test_the_definition_of_the_limits(rejected: list[bool]) -> None:
    """The running counts equal new counts at every message."""
    expected = any(
        rejected[end - LIMITS.max_consecutive : end] == [True] * LIMITS.max_consecutive
        or (len(seen) >= LIMITS.min_samples and sum(seen) > LIMITS.max_ratio * len(seen))
        for end in range(1, len(rejected) + 1)
        for seen in [rejected[max(0, end - LIMITS.window) : end]]
    )
    assert opens(LIMITS, [rejected]) is expected


def test_the_error_names_the_limit() -> None:
    """The message has the limit that was reached, and that the batch is not committed."""
    with pytest.raises(CircuitOpen, match=r"^5 messages in a row cannot be read \(limit 5\)\. .* uncommitted"):
        update(LIMITS, CircuitState(), [True] * 9)
    with pytest.raises(CircuitOpen, match=r"^4 of the last 10 messages cannot be read \(limit 30%\)"):
        update(LIMITS, CircuitState(), [True, False] * 4 + [False] * 2)


@given(
    recent=st.binary().map(lambda octets: bytes(octet % 2 for octet in octets)), consecutive=st.integers(0, 1_000_000)
)
def test_the_state_is_restored(recent: bytes, consecutive: int) -> None:
    """Deserializing the serialized state returns it, with any first bytes."""
    circuit = CircuitState(recent=recent, consecutive=consecutive)
    assert deserialize([serialize(circuit)]) == circuit


def test_the_serialized_state_is_small() -> None:
    """A full window is much shorter than the maximum of the metadata of an offset."""
    assert len(serialize(CircuitState(recent=bytes([1]) * 1000, consecutive=1_000_000))) < 300


def test_the_worst_state_of_several_partitions_is_restored() -> None:
    """The longest run and the highest ratio of all states are restored."""
    calm, row, share = (
        CircuitState(recent=b"\0" * 9),
        CircuitState(recent=b"\0\1\1", consecutive=2),
        CircuitState(recent=b"\1\1\1\0"),
    )
    assert deserialize(map(serialize, (calm, row, share))) == CircuitState(recent=share.recent, consecutive=2)


@pytest.mark.parametrize("metadata", ["", ".", "autocommit", "1.", "-1.3", "1.3.1", "1." + "f" * 5000])
def test_foreign_metadata_is_ignored(metadata: str) -> None:
    """Without metadata, or with that of another tool, the state is that of a new worker."""
    assert deserialize([metadata]) == CircuitState()
