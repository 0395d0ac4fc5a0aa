"""Helpers of all tests: the stack of the session, names of topics, and a `reprise run` in its own process."""

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

#: Top directory of the repository.
REPOSITORY: Final = Path(__file__).parents[1]

#: Seconds from SIGTERM to SIGKILL. The limits of the worker's own shutdown are shorter.
_STOP_SECONDS: Final = 50.0


@dataclass(slots=True)
class StackSession:
    """The stack of one test session. `lines` holds the progress and the servers that were started, for the summary."""

    lines: list[str] = field(default_factory=list)
    _plan: StackPlan | None = None

    def plan(self) -> StackPlan:
        """Return the plan, which is made once. Raises StackUnavailable if this machine cannot run the forced STACK."""
        if self._plan is None:
            self._plan = make_plan(self.lines.append)
        return self._plan

    def header(self) -> str:
        """Return the kind of stack that will be started, or the reason why there is none."""
        try:
            return f"stack: {self.plan()}"
        except StackUnavailable as error:
            return f"stack: {error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicNames:
    """Names of topics and of their consumer group that no other test uses. They create nothing."""

    articles: str
    new: str
    variants: str
    merged: str
    dead: str
    group_id: str

    @classmethod
    def of(cls, namespace: str) -> "TopicNames":
        """Return the default names of the settings with the namespace as their prefix."""
        return cls(
            articles=f"{namespace}.articles.raw",
            new=f"{namespace}.stories.new",
            variants=f"{namespace}.stories.variants",
            merged=f"{namespace}.stories.merged",
            dead=f"{namespace}.articles.dead",
            group_id=f"{namespace}-worker",
        )

    @property
    def outputs(self) -> tuple[str, ...]:
        """The topics that a worker writes to."""
        return self.new, self.variants, self.merged, self.dead

    def environment(self) -> dict[str, str]:
        """Return the names as settings of the worker."""
        return {
            "REPRISE_TOPIC_ARTICLES": self.articles,
            "REPRISE_TOPIC_NEW": self.new,
            "REPRISE_TOPIC_VARIANTS": self.variants,
            "REPRISE_TOPIC_MERGED": self.merged,
            "REPRISE_TOPIC_DEAD": self.dead,
            "REPRISE_KAFKA_GROUP_ID": self.group_id,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerProcess:
    """A running `reprise run`. `http` is the base URL of /metrics, /livez and /readyz."""

    process: "subprocess.Popen[bytes]"
    log: Path
    http: str

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def output(self) -> str:
        """Return the content of the log so far, with standard error."""
        return self.log.read_text(errors="replace")

    def stop(self, timeout_seconds: float = _STOP_SECONDS) -> int:
        """Send SIGTERM and return the exit code. Raises TimeoutExpired if the worker does not end in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=timeout_seconds)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end of the process."""
        self.process.kill()
        self.process.wait(timeout=_STOP_SECONDS)

    def tail(self) -> str:
        """Return the last lines of the log, for the message of a failure."""
        return tail(self.log)


def reprise_command() -> list[str]:
    """Return the installed command of this environment, or `python -m reprise` if there is none."""
    script = shutil.which("reprise", path=str(Path(sys.executable).parent))
    return [script] if script else [sys.executable, "-m", "reprise"]


def worker_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of this process with these REPRISE_ variables and no others."""
    return {name: value for name, value in os.environ.items() if not name.startswith("REPRISE_")} | dict(settings)


@contextmanager
def running_worker(settings: Mapping[str, str], log: Path, *arguments: str) -> Iterator[WorkerProcess]:
    """Run `reprise run` with these settings during the context, on a free HTTP port unless they name one.

    The context does not wait until the worker is ready. At its end the worker gets SIGTERM, and SIGKILL after 50 s.
    """
    port = settings.get("REPRISE_HTTP_PORT") or str(free_port())
    environment = worker_environment({**settings, "REPRISE_HTTP_PORT": port})
    command = [*reprise_command(), "run", *arguments]
    with run_child(command, log, environment=environment, stop_seconds=_STOP_SECONDS) as process:
        yield WorkerProcess(process=process, log=log, http=f"http://127.0.0.1:{port}")


def unavailable(requirement: str, reason: str) -> NoReturn:
    """Skip the test, or fail it if REPRISE_TEST_REQUIRE lists the requirement, for example "stack" or "data"."""
    required = os.environ.get("REPRISE_TEST_REQUIRE", "").replace(" ", "").split(",")
    if requirement in required:
        pytest.fail(f"REPRISE_TEST_REQUIRE={requirement}: {reason}", pytrace=False)
    pytest.skip(reason)
