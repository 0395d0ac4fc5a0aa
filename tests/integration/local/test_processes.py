"""Child processes of the local stack: how they start, end and receive signals."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.local.stack import StackKind, StackUnavailable, launch, run_child, wait_until
from deploy.local.stack.selection import StackPlan
from tests.support import REPOSITORY

_SLEEPER = [sys.executable, "-c", "print('up', flush=True); import time; time.sleep(600)"]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_ends_with_its_context(tmp_path: Path) -> None:
    """Leaving the context terminates the child, also after an exception."""
    with suppress(KeyboardInterrupt), run_child(_SLEEPER, tmp_path / "log") as process:
        wait_until(lambda: "up" in (tmp_path / "log").read_text(), 20, "the child's first line")
        raise KeyboardInterrupt
    assert process.returncode == -signal.SIGTERM


def test_a_child_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    """A child that ignores SIGTERM gets SIGKILL after `stop_seconds`."""
    ignoring = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    with run_child([sys.executable, "-c", ignoring], tmp_path / "log", stop_seconds=0.2) as process:
        wait_until(lambda: "up" in (tmp_path / "log").read_text(), 20, "the child's first line")
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_parent_leaves_no_child(number: signal.Signals, tmp_path: Path) -> None:
    """A parent that receives a signal terminates its children first."""
    script = (
        "import sys, signal; from pathlib import Path; from deploy.local.stack import run_child, exit_on_signals\n"
        f"with exit_on_signals(), run_child({_SLEEPER!r}, Path({str(tmp_path / 'log')!r})) as process:\n"
        "    print(process.pid, flush=True)\n"
        "    signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=REPOSITORY
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _is_alive(pid)
        parent.send_signal(number)
        parent.wait(timeout=20)
    assert not _is_alive(pid)
    assert parent.returncode != 0


def _plan(tmp_path: Path, reported: list[str], *kinds: StackKind) -> StackPlan:
    return StackPlan(
        kinds=kinds, problems={}, external_kafka=None, external_redis=None, logs=tmp_path, report=reported.append
    )


def test_the_next_kind_replaces_one_that_fails_to_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed start is reported and undone, then the next kind of the plan is tried."""
    reported: list[str] = []
    plan = _plan(tmp_path, reported, StackKind.JVM, StackKind.EMBEDDED)
    answers = iter([Path("/bin/false"), None])
    monkeypatch.setattr("deploy.local.stack.redis_local.server_binary", lambda: next(answers))
    with (
        pytest.raises(StackUnavailable, match=r"(?s)ended during its start.*no valkey-server"),
        launch.open_redis(plan),
    ):
        pass
    assert [line.split(" failed")[0] for line in reported] == ["Redis with jvm", "Redis with embedded"]
