"""Run child processes that end with their parent, defer signals, and wait for conditions with a deadline."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Final, TypeVar

Result = TypeVar("Result")

#: seconds between two checks of a condition: short compared with a server's start, long compared with a check
_CHECK_SECONDS: Final = 0.05

#: seconds between SIGTERM and SIGKILL
STOP_SECONDS: Final = 10.0

#: lines of a log that an error shows
_TAIL_LINES: Final = 25

_DEFERRED_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wait_until(condition: Callable[[], Result], timeout_seconds: float, description: str) -> Result:
    """Return the first true result of `condition`.

    Raises TimeoutError, which contains `description`, if the condition stays false for `timeout_seconds`.
    """
    deadline = time.monotonic() + timeout_seconds
    while not (result := condition()):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"timed out after {timeout_seconds:g} s: {description}")
        time.sleep(_CHECK_SECONDS)
    return result


def free_port() -> int:
    """Return a free loopback TCP port. Another process may take it before the caller does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tail(log: Path) -> str:
    """Return the path and the last lines of a log, for an error message."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return "\n".join([f"{log}:", *(f"    {line}" for line in lines[-_TAIL_LINES:])])


@contextmanager
def run_child(
    arguments: Sequence[str | Path],
    log: Path | IO[bytes],
    *,
    environment: Mapping[str, str] | None = None,
    stop_seconds: float = STOP_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program during the context, with its output in `log`; then terminate it as `terminate` does.

    The child has a session of its own, so that a Ctrl-C in the terminal reaches only the parent. The parent then ends
    its children in order.
    """
    process = None
    try:
        with defer_signals():  # an exception between the fork and the assignment would orphan the child
            process = _start(arguments, log, environment)
        yield process
    finally:
        if process is not None:
            with defer_signals():  # a second Ctrl-C must not orphan the child
                terminate(process, stop_seconds)


def _start(
    arguments: Sequence[str | Path], log: Path | IO[bytes], environment: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    if isinstance(log, Path):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            return _start(arguments, output, environment)
    return subprocess.Popen(  # noqa: S603  # the programs are named in this package
        [str(argument) for argument in arguments],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=None if environment is None else dict(environment),
        start_new_session=True,
    )


def terminate(process: subprocess.Popen[bytes], stop_seconds: float = STOP_SECONDS) -> int:
    """Send SIGTERM to a running child, and SIGKILL after `stop_seconds`. Return the exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(timeout=stop_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(timeout=STOP_SECONDS)


@contextmanager
def defer_signals() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the end of the context, which raises the first one received.

    This uses Python signal handlers and not a signal mask, because a child that is started meanwhile would inherit it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python delivers signals to the main thread only
        return
    received: list[int] = []

    def record(signum: int, _: FrameType | None) -> None:
        received.append(signum)

    previous = {
        number: signal.signal(number, record)
        for number in _DEFERRED_SIGNALS
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if received:
            signal.raise_signal(received[0])


@contextmanager
def exit_on_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit with the code 128 + signal, so that every context manager exits."""

    def leave(signum: int, _: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    previous = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def read_output(arguments: Sequence[str], timeout_seconds: float) -> str | None:
    """Return the output of a command, standard error included, or None if it is missing, fails or times out."""
    try:
        done = subprocess.run(  # noqa: S603  # the programs are named in this package
            arguments, capture_output=True, text=True, timeout=timeout_seconds, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout + done.stderr


def environment_with(**changes: str) -> dict[str, str]:
    """Return the environment of this process with changes."""
    return {**os.environ, **changes}
