"""A deadline for the client's calls that have none."""

import threading
from collections.abc import Callable
from typing import TypeVar

from worker.errors import Unreachable

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T], doing: str) -> T:
    """Give what a call gives, or raise what it raises; raise Unreachable once it has taken longer.

    It is then left behind on its thread, and whatever it works on must not be used again.
    """
    answers: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(call())
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, name="deadline", daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise Unreachable(f"Kafka did not answer within {seconds:g} s, {doing}")
    return answers[0]
