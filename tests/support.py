"""What tests share: the stack of this test run, a real `reprise run`, waiting with a deadline. It asserts nothing.

`wait_until(condition, timeout_seconds, what)` returns the first true answer, or raises TimeoutError that names `what`.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NoReturn

import pytest

from deploy.local.stack import StackPlan, StackUnavailable, free_port, make_plan, run_child, tail, wait_until

__all__ = [
    "REPOSITORY",
    "TopicNames",
    "WorkerProcess",
    "free_port",
    "reprise_command",
    "running_worker",
    "unavailable",
    "wait_until",
    "worker_environment",
]

#: The top of the repository.
REPOSITORY: Final = Path(__file__).parents[1]

#: Seconds for a worker to drain after SIGTERM before it is killed: longer than its own limits.
_STOP_SECONDS: Final = 50.0


@dataclass(slots=True)
class Session:
    """What this test session found and started, for pytest's header and summary."""

    said: list[str] = field(default_factory=list)
    started: dict[str, str] = field(default_factory=dict)
    _plan: StackPlan | None = None

    def plan(self) -> StackPlan:
        """Look at the machine once. Raises StackUnavailable where STACK forces what cannot be had."""
        if self._plan is None:
            self._plan = make_plan(self.said.append)
        return self._plan

    def header(self) -> str:
        """Name the kind of stack that will be started."""
        try:
            return f"stack: {self.plan()}"
        except StackUnavailable as error:
            return f"stack: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicNames:
    """Names that no other test uses; nothing is created. `group_id` belongs to them."""

    articles: str
    new: str
    variants: str
    dead: str
    group_id: str

    @classmethod
    def of(cls, namespace: str) -> "TopicNames":
        """Name them as the settings' defaults do, behind a namespace."""
        return cls(
            articles=f"{namespace}.articles.raw",
            new=f"{namespace}.stories.new",
            variants=f"{namespace}.stories.variants",
            dead=f"{namespace}.articles.dead",
            group_id=f"{namespace}-worker",
        )

    def environment(self) -> dict[str, str]:
        """Return them as the worker's settings."""
        return {
            "REPRISE_TOPIC_ARTICLES": self.articles,
            "REPRISE_TOPIC_NEW": self.new,
            "REPRISE_TOPIC_VARIANTS": self.variants,
            "REPRISE_TOPIC_DEAD": self.dead,
            "REPRISE_KAFKA_GROUP_ID": self.group_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProcess:
    """A `reprise run` of its own process; `http` is the address of /metrics, /livez and /readyz."""

    process: "subprocess.Popen[bytes]"
    log: Path
    http: str

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def output(self) -> str:
        """Return what it has written so far, standard error included."""
        return self.log.read_text(errors="replace")

    def stop(self, timeout_seconds: float = _STOP_SECONDS) -> int:
        """Send SIGTERM and return the exit code. Raises TimeoutExpired where it does not drain in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=timeout_seconds)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self.process.kill()
        self.process.wait(timeout=_STOP_SECONDS)

    def tail(self) -> str:
        """Return the end of its output, for a failure's message."""
        return tail(self.log)


def reprise_command() -> list[str]:
    """Return the installed command of this environment, or the module where the package is not installed."""
    beside = shutil.which("reprise", path=str(Path(sys.executable).parent))
    return [beside] if beside else [sys.executable, "-m", "reprise.cli"]


def worker_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with these REPRISE_ settings and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REPRISE_")} | dict(settings)


@contextmanager
def running_worker(settings: Mapping[str, str], log: Path, *arguments: str) -> Iterator[WorkerProcess]:
    """Run `reprise run` with these settings, on a free HTTP port unless they name one, and end it by its pid.

    It gets SIGTERM at the end and SIGKILL after 50 s. The context starts before the worker is ready.
    """
    port = settings.get("REPRISE_HTTP_PORT") or str(free_port())
    environment = worker_environment({**settings, "REPRISE_HTTP_PORT": port})
    command = [*reprise_command(), "run", *arguments]
    with run_child(command, log, environment=environment, stop_seconds=_STOP_SECONDS) as process:
        yield WorkerProcess(process=process, log=log, http=f"http://127.0.0.1:{port}")


def unavailable(what: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where REPRISE_TEST_REQUIRE names `what` ("stack", "data" or "security")."""
    required = os.environ.get("REPRISE_TEST_REQUIRE", "").replace(" ", "").split(",")
    if what in required:
        pytest.fail(f"REPRISE_TEST_REQUIRE={what}: {reason}", pytrace=False)
    pytest.skip(reason)
