"""Signals that ask a command to end."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

#: Ctrl-C, and what a container or a service manager sends first.
_WATCHED: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_signals(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` at the first SIGTERM or SIGINT; the next one ends the process as if nobody listened."""
    before = {each: signal.getsignal(each) for each in _WATCHED}

    def handle(_number: int, _frame: FrameType | None) -> None:
        for each in _WATCHED:
            signal.signal(each, signal.SIG_DFL)
        act()

    for each in _WATCHED:
        signal.signal(each, handle)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
