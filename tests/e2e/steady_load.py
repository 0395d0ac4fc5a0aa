"""A load that is the same in every window: what is sent when, and a thread that sends it by the clock."""

import heapq
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import Final

from tests.contract.streams import edited, text_of
from tests.e2e.support_e2e import BROKER_SECONDS, Place, Raw, article

#: Paragraphs of a cycle: three stories of four, and two that only a partial variant has.
_PARAGRAPHS: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A message, and when it is to be sent: seconds from the first."""

    seconds: float
    message: Raw


def stories(rate: float, seconds: float) -> Iterator[Due]:
    """Give cycles of three new stories and, of the first, three variants: each kind that is kept in another way."""
    number = 0
    while number < rate * seconds:
        for name, text in _cycle(number):
            yield _due(number / rate, name, text)
            number += 1


def _cycle(number: int) -> Sequence[tuple[str, str]]:
    first, second, third, rest = (number * _PARAGRAPHS + at for at in (0, 4, 8, 12))
    base = text_of(*range(first, second))
    return (
        (f"first-{number}", base),
        (f"near-{number}", edited(base, 5, 40)),
        (f"first-{number}", edited(base, 20)),  # a revision: the same article again
        (f"partial-{number}", text_of(first, first + 1, rest, rest + 1)),
        (f"second-{number}", text_of(*range(second, third))),
        (f"third-{number}", text_of(*range(third, rest))),
    )


def copies(text: str, pauses: Iterable[float], name: str, *, exact: bool) -> list[Due]:
    """Give copies of one text with these pauses between them, in seconds; each with another word where not exact."""
    return [
        _due(at, f"{name}-{number}", text if exact else edited(text, 3 + number))
        for number, at in enumerate(accumulate(pauses, initial=0.0))
    ]


def _due(seconds: float, name: str, text: str) -> Due:
    message = Raw(value=article(id=name, text=text, source=f"{name}.example"), key=name.encode())
    return Due(seconds=seconds, message=message)


@contextmanager
def sending(place: Place, *streams: Iterable[Due]) -> Iterator[threading.Thread]:
    """Send each message when it is due; the thread ends when all are acknowledged, or with the context.

    A sender that is late catches up, so that every window gets what is its own.
    """
    stopping = threading.Event()
    thread = threading.Thread(
        target=_send, args=(place, heapq.merge(*streams, key=attrgetter("seconds")), stopping), daemon=True
    )
    thread.start()
    try:
        yield thread
    finally:
        stopping.set()
        thread.join(BROKER_SECONDS)


def _send(place: Place, schedule: Iterable[Due], stopping: threading.Event) -> None:
    start = time.monotonic()
    for due in schedule:
        if stopping.wait(max(0.0, start + due.seconds - time.monotonic())):
            return
        place.producer.send(
            place.topics.articles, key=due.message.key, value=due.message.value, headers=list(due.message.headers)
        )
    place.producer.flush(timeout=BROKER_SECONDS)
