"""Handle the signals that end a command."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

#: SIGINT is Ctrl-C; SIGTERM is the first signal that Kubernetes and service managers send.
_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_signals(callback: Callable[[], None]) -> Iterator[None]:
    """Call `callback` at the first SIGTERM or SIGINT. A second one ends the process, as without a handler."""
    previous = {number: signal.getsignal(number) for number in _STOP_SIGNALS}

    def handle(_number: int, _frame: FrameType | None) -> None:
        for number in _STOP_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        callback()

    for number in _STOP_SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def interrupt_on_termination() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP, as on SIGINT, so that context managers close what they opened."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
