"""The circuit breaker: stops the worker when too many messages are rejected, so that it does not drain the topic.

Pure functions on a state. The state is committed with each offset, so that a worker that restarts again and again
rejects no more messages than one that keeps running.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reprise.errors import CircuitOpen


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitLimits:
    """The limits that open the circuit. The ratio counts from `min_samples` messages on, over the last `window`."""

    #: consecutive rejected messages: a batch of a broken producer reaches it at once, one bad page a minute never does
    max_consecutive: int
    #: ratio of rejected messages, 0..1; real crawls reject well under 1 in 100
    max_ratio: float
    #: messages that the ratio is taken of: a few batches, so that old failures are forgotten
    window: int = 1000
    #: messages; below it a handful of rejections would already be a large ratio
    min_samples: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitState:
    """The last messages, oldest first, one byte each (1 rejected, 0 accepted), and the consecutive rejections."""

    recent: bytes = b""
    consecutive: int = 0


def update(limits: CircuitLimits, state: CircuitState, rejected: Sequence[bool]) -> CircuitState:
    """Add the messages of a batch, in order, and return the state behind it.

    Raises CircuitOpen if a limit is reached at any message of the batch: the result does not depend on how the stream
    is cut into batches.
    """
    recent = bytearray(state.recent)
    consecutive = state.consecutive
    total = sum(recent)
    for is_rejected in rejected:
        consecutive = consecutive + 1 if is_rejected else 0
        recent.append(is_rejected)
        total += is_rejected
        # The window is cut once a batch, not once a message: removing the first byte copies all of it.
        if len(recent) > limits.window:
            total -= recent[len(recent) - limits.window - 1]
        _check(limits, consecutive, total, min(len(recent), limits.window))
    return CircuitState(recent=bytes(recent[-limits.window :]), consecutive=consecutive)


def serialize(state: CircuitState) -> str:
    """Write the state as offset metadata: about 260 characters, of the 4,096 that a broker keeps with an offset."""
    # the leading 1 keeps the zeros of the oldest messages
    bits = int("1" + "".join(map(str, state.recent)), 2)
    return f"{state.consecutive:x}.{bits:x}"


def deserialize(offset_metadata: Iterable[str]) -> CircuitState:
    """Return the worst state among the metadata of several partitions; metadata of another form is ignored."""
    parsed = [re.fullmatch(r"([0-9a-f]{1,8})\.([0-9a-f]{1,4000})", text) for text in offset_metadata]
    states = [(int(match[1], 16), bytes(map(int, f"{int(match[2], 16):b}"[1:]))) for match in parsed if match]
    return CircuitState(
        recent=max((recent for _, recent in states), key=sum, default=b""),
        consecutive=max((consecutive for consecutive, _ in states), default=0),
    )


def _check(limits: CircuitLimits, consecutive: int, rejected: int, seen: int) -> None:
    if consecutive >= limits.max_consecutive:
        raise CircuitOpen(f"{consecutive} messages in a row cannot be read (limit {limits.max_consecutive})")
    if seen >= limits.min_samples and rejected > limits.max_ratio * seen:
        raise CircuitOpen(f"{rejected} of the last {seen} messages cannot be read (limit {limits.max_ratio:.0%})")
