"""The circuit limit: how many unreadable messages are bad luck, and how many mean that something upstream broke.

Pure. The state goes in and comes out; nothing here bins, commits or stops anything. As a note it goes along with each
commit, so that a worker that is started again and again bins no more than one that runs on.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reprise.errors import CircuitOpen


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitLimits:
    """When too much is too much. A share is judged over the last `window` messages once `least` of them were seen."""

    #: messages; a batch of a broken producer reaches it at once, a bad page a minute never does
    in_a_row: int = 100
    #: 0..1; real crawls bin well under 1 in 100
    share: float = 0.3
    #: messages that the share is taken of: a few batches, so that old troubles are forgotten
    window: int = 1000
    #: messages; below it a handful of bad ones would already be a large share
    least: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitState:
    """What was judged so far: the last messages, oldest first, a byte each (1 unreadable, 0 read)."""

    recent: bytes = b""
    in_a_row: int = 0


def update(limits: CircuitLimits, circuit: CircuitState, unreadable: Sequence[bool]) -> CircuitState:
    """Add the verdicts on a batch, in order, and return the circuit after it.

    Raises CircuitOpen where a limit is reached at any message of the batch, so that the answer does not depend on how
    the stream was cut into batches.
    """
    recent = bytearray(circuit.recent)
    in_a_row = circuit.in_a_row
    bad = sum(recent)
    for verdict in unreadable:
        in_a_row = in_a_row + 1 if verdict else 0
        recent.append(verdict)
        bad += verdict
        # the window is cut once a batch, not once a message: a byte at its front costs a copy of it all
        if len(recent) > limits.window:
            bad -= recent[len(recent) - limits.window - 1]
        _check(limits, in_a_row, bad, min(len(recent), limits.window))
    return CircuitState(recent=bytes(recent[-limits.window :]), in_a_row=in_a_row)


def offset_metadata(circuit: CircuitState) -> str:
    """Write the state as text: about 260 characters, of the 4,096 that a broker keeps with an offset."""
    verdicts = int(
        "1" + "".join(map(str, circuit.recent)), 2
    )  # the 1 in front keeps what was read well before the rest
    return f"{circuit.in_a_row:x}.{verdicts:x}"


def deserialize(notes: Iterable[str]) -> CircuitState:
    """Take up the worst of what was noted. A note that is not ours, such as the empty one, says nothing."""
    found = [re.fullmatch(r"([0-9a-f]{1,8})\.([0-9a-f]{1,4000})", each) for each in notes]
    states = [(int(match[1], 16), bytes(map(int, f"{int(match[2], 16):b}"[1:]))) for match in found if match]
    return CircuitState(
        recent=max((recent for _, recent in states), key=sum, default=b""),
        in_a_row=max((in_a_row for in_a_row, _ in states), default=0),
    )


def _check(limits: CircuitLimits, in_a_row: int, bad: int, seen: int) -> None:
    if in_a_row >= limits.in_a_row:
        raise CircuitOpen(
            f"{in_a_row} messages in a row cannot be read (limit {limits.in_a_row}); "
            "the messages that reached it stay uncommitted and are in no dead letters"
        )
    if seen >= limits.least and bad > limits.share * seen:
        raise CircuitOpen(
            f"{bad} of the last {seen} messages cannot be read (limit {limits.share:.0%}); "
            "the messages that reached it stay uncommitted and are in no dead letters"
        )
