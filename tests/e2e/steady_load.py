"""A load that is the same in every window: a schedule of messages, and a thread that produces each at its time."""

import heapq
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import Final

from tests.contract.texts import edit_words, make_text
from tests.e2e.articles import article_json
from tests.e2e.sandbox import BROKER_SECONDS, InputMessage, Sandbox

#: Paragraphs of a cycle: three stories of four, and two of a partial variant.
_PARAGRAPHS: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMessage:
    """A message and its time, in seconds from the first."""

    seconds: float
    message: InputMessage


def story_schedule(rate: float, seconds: float) -> Iterator[ScheduledMessage]:
    """Yield cycles of three new stories and, of the first, three variants: one of each kind that the index stores."""
    number = 0
    while number < rate * seconds:
        for name, text in _cycle(number):
            yield _scheduled(number / rate, name, text)
            number += 1


def _cycle(number: int) -> Sequence[tuple[str, str]]:
    first, second, third, rest = (number * _PARAGRAPHS + start for start in (0, 4, 8, 12))
    base = make_text(*range(first, second))
    return (
        (f"first-{number}", base),
        (f"near-{number}", edit_words(base, 5, 40)),
        (f"first-{number}", edit_words(base, 20)),  # a revision, with the id of the first article
        (f"partial-{number}", make_text(first, first + 1, rest, rest + 1)),
        (f"second-{number}", make_text(*range(second, third))),
        (f"third-{number}", make_text(*range(third, rest))),
    )


def copy_schedule(text: str, pauses: Iterable[float], name: str, *, exact: bool) -> list[ScheduledMessage]:
    """Return copies of a text with these pauses between them, in seconds. If they are not exact, each has an edit."""
    return [
        _scheduled(seconds, f"{name}-{number}", text if exact else edit_words(text, 3 + number))
        for number, seconds in enumerate(accumulate(pauses, initial=0.0))
    ]


def _scheduled(seconds: float, name: str, text: str) -> ScheduledMessage:
    message = InputMessage(value=article_json(id=name, text=text, source=f"{name}.example"), key=name.encode())
    return ScheduledMessage(seconds=seconds, message=message)


@contextmanager
def producing(sandbox: Sandbox, *schedules: Iterable[ScheduledMessage]) -> Iterator[threading.Thread]:
    """Produce each message at its time, in a thread that ends after the last acknowledgement or with the context.

    A late thread catches up, so that every window gets its messages.
    """
    stopping = threading.Event()
    thread = threading.Thread(
        target=_produce, args=(sandbox, heapq.merge(*schedules, key=attrgetter("seconds")), stopping), daemon=True
    )
    thread.start()
    try:
        yield thread
    finally:
        stopping.set()
        thread.join(BROKER_SECONDS)


def _produce(sandbox: Sandbox, schedule: Iterable[ScheduledMessage], stopping: threading.Event) -> None:
    start = time.monotonic()
    for scheduled in schedule:
        if stopping.wait(max(0.0, start + scheduled.seconds - time.monotonic())):
            return
        message = scheduled.message
        sandbox.producer.send(
            sandbox.topics.articles, key=message.key, value=message.value, headers=list(message.headers)
        )
    sandbox.producer.flush(timeout=BROKER_SECONDS)
