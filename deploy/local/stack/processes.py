"""Children that never outlive their parent's use of them, signals that wait, and conditions with a deadline."""

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

Answer = TypeVar("Answer")

#: Seconds between two looks at a condition: short against every start that is waited for, long against a look's cost.
_LOOK_SECONDS: Final = 0.05

#: Seconds that a child has after SIGTERM before it is killed.
STOP_SECONDS: Final = 10.0

#: Lines of a log that a failed start shows.
_TAIL_LINES: Final = 25

_ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wait_until(condition: Callable[[], Answer], timeout_seconds: float, what: str) -> Answer:
    """Return the first true answer of `condition`; raise TimeoutError, naming `what`, when there was none in time."""
    deadline = time.monotonic() + timeout_seconds
    while not (answer := condition()):
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what}: not within {timeout_seconds:g} s")
        time.sleep(_LOOK_SECONDS)
    return answer


def free_port() -> int:
    """Return a loopback TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tail(log: Path) -> str:
    """Return the last lines of a log, indented, under its name."""
    lines = log.read_text(errors="replace").splitlines() if log.is_file() else []
    return "\n".join([f"{log}:", *(f"    {line}" for line in lines[-_TAIL_LINES:])])


@contextmanager
def child(
    arguments: Sequence[str | Path],
    log: Path | IO[bytes],
    *,
    environment: Mapping[str, str] | None = None,
    stop_seconds: float = STOP_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program while the context lasts, its output in `log`; then SIGTERM, and SIGKILL after `stop_seconds`.

    It gets a session of its own: a Ctrl-C in the terminal reaches the parent alone, which ends its children in order.
    """
    process = None
    try:
        with signals_held():  # between the fork and the assignment nobody would know the child
            process = _start(arguments, log, environment)
        yield process
    finally:
        if process is not None:
            with signals_held():  # a second Ctrl-C must not leave the child behind
                end(process, stop_seconds)


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


def end(process: subprocess.Popen[bytes], stop_seconds: float = STOP_SECONDS) -> int:
    """End a child, kindly first, and return its exit code; one that has ended already is only asked for it."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(timeout=stop_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(timeout=STOP_SECONDS)


@contextmanager
def signals_held() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP wait until the context ends; then the first that came is delivered.

    Python-level handlers, no mask: a mask would be inherited by the child that is started meanwhile.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are delivered to the main thread only
        return
    came: list[int] = []

    def note(signum: int, _: FrameType | None) -> None:
        came.append(signum)

    before = {number: signal.signal(number, note) for number in _ENDING if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit with the shell's code (128 + signal), so that every context is left."""

    def leave(signum: int, _: FrameType | None) -> None:
        raise SystemExit(128 + signum)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def output_of(arguments: Sequence[str], timeout_seconds: float) -> str | None:
    """Return what a short command prints, standard error included; None where it is missing, fails or is late."""
    try:
        done = subprocess.run(  # noqa: S603  # as above
            arguments, capture_output=True, text=True, timeout=timeout_seconds, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout + done.stderr


def inherited(**changes: str) -> dict[str, str]:
    """Return this process's environment with changes."""
    return {**os.environ, **changes}
