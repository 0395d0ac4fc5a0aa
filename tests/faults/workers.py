"""Real `reprise run` processes, to be killed, held and stopped in the middle of their work."""

import os
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local.stack import wait_until
from tests.support import WorkerProcess, running_worker

#: Seconds for a worker to be a ready member of its group, its servers' restart and a busy machine included.
READY_SECONDS: Final = 60.0

#: Seconds for an answer of a worker's HTTP port, which comes from memory.
_HTTP_SECONDS: Final = 10.0


@dataclass(kw_only=True)
class Crew:
    """The workers of one scenario. `members` are those that were started and have not been ended by it."""

    settings: Mapping[str, str]
    logs: Path
    members: list[WorkerProcess] = field(default_factory=list)
    kills: int = 0
    _started: int = 0
    _running: ExitStack = field(default_factory=ExitStack)

    def start(self, **changes: str) -> WorkerProcess:
        """Start one more; `changes` to its settings by names without the prefix. It is not ready yet."""
        settings = {**self.settings, **{f"REPRISE_{name}": value for name, value in changes.items()}}
        self._started += 1
        log = self.logs / f"worker-{self._started}.log"
        worker = self._running.enter_context(running_worker(settings, log))
        self.members.append(worker)
        return worker

    def kill(self, worker: WorkerProcess) -> None:
        """Send SIGKILL."""
        worker.kill()
        self.kills += 1
        self.members.remove(worker)

    def stop(self, worker: WorkerProcess) -> None:
        """Send SIGTERM, and fail unless it drains with exit code 0."""
        self.members.remove(worker)
        code = worker.stop()
        assert code == 0, f"exit code {code}\n{worker.tail()}"

    def ended(self, worker: WorkerProcess) -> int:
        """Return the exit code of a worker that ends by itself."""
        self.members.remove(worker)
        return worker.process.wait(timeout=READY_SECONDS)

    def close(self) -> None:
        """End them all, those that are held too."""
        for worker in self.members:
            worker.process.kill()
        self._running.close()


def hold(worker: WorkerProcess) -> None:
    """Stop a process where it stands; nobody is told."""
    os.kill(worker.pid, signal.SIGSTOP)


def let_go(worker: WorkerProcess) -> None:
    """Let it go on as if nothing had been."""
    os.kill(worker.pid, signal.SIGCONT)


def readiness(worker: WorkerProcess) -> tuple[int, str]:
    """Return the status and the text of /readyz; status 0 where nobody listens."""
    try:
        with urllib.request.urlopen(f"{worker.http}/readyz", timeout=_HTTP_SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def ready(worker: WorkerProcess) -> bool:
    """Say whether it is ready; fail where it has ended."""
    assert worker.process.poll() is None, f"the worker ended\n{worker.tail()}"
    return readiness(worker)[0] == 200


def wait_ready(worker: WorkerProcess) -> None:
    """Return when it says that it is ready."""
    wait_until(lambda: ready(worker), READY_SECONDS, "a ready worker")


def wait_unready(worker: WorkerProcess, reason: str) -> None:
    """Return when it says that it is not ready, for this reason among others."""

    def told() -> bool:
        assert worker.process.poll() is None, f"the worker ended\n{worker.tail()}"
        status, text = readiness(worker)
        return status == 503 and reason in text

    wait_until(told, READY_SECONDS, f"a worker that says: {reason}")


def resident_bytes(worker: WorkerProcess) -> int:
    """Return its resident memory as the kernel counts it."""
    fields = Path(f"/proc/{worker.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
