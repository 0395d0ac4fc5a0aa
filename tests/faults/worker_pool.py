"""`reprise run` processes that a scenario kills, freezes and stops during their work."""

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

#: Seconds until a worker is a ready member of its group on a busy machine, including the restart of its servers.
READY_SECONDS: Final = 60.0

#: Seconds for a response of a worker's HTTP port, which comes from memory.
_HTTP_SECONDS: Final = 10.0


@dataclass(kw_only=True)
class WorkerPool:
    """The workers of a scenario. `workers` holds those that it has started and not ended yet."""

    settings: Mapping[str, str]
    logs: Path
    workers: list[WorkerProcess] = field(default_factory=list)
    kills: int = 0
    _started: int = 0
    _running: ExitStack = field(default_factory=ExitStack)

    def start(self, **changes: str) -> WorkerProcess:
        """Start a worker and return before it is ready. `changes` holds settings by name without the prefix."""
        settings = {**self.settings, **{f"REPRISE_{name}": value for name, value in changes.items()}}
        self._started += 1
        log = self.logs / f"worker-{self._started}.log"
        worker = self._running.enter_context(running_worker(settings, log))
        self.workers.append(worker)
        return worker

    def kill(self, worker: WorkerProcess) -> None:
        """Send SIGKILL."""
        worker.kill()
        self.kills += 1
        self.workers.remove(worker)

    def stop(self, worker: WorkerProcess) -> None:
        """Send SIGTERM. Fails unless the worker drains with exit code 0."""
        self.workers.remove(worker)
        code = worker.stop()
        assert code == 0, f"exit code {code}\n{worker.tail()}"

    def wait_ended(self, worker: WorkerProcess) -> int:
        """Wait until a worker ends without a signal of this pool, and return its exit code."""
        self.workers.remove(worker)
        return worker.process.wait(timeout=READY_SECONDS)

    def close(self) -> None:
        """Kill all workers, also the frozen ones."""
        for worker in self.workers:
            worker.process.kill()
        self._running.close()


def freeze(worker: WorkerProcess) -> None:
    """Send SIGSTOP."""
    os.kill(worker.pid, signal.SIGSTOP)


def resume(worker: WorkerProcess) -> None:
    """Send SIGCONT."""
    os.kill(worker.pid, signal.SIGCONT)


def readiness(worker: WorkerProcess) -> tuple[int, str]:
    """Return the status and the text of /readyz, or status 0 if the port is closed."""
    try:
        with urllib.request.urlopen(f"{worker.http}/readyz", timeout=_HTTP_SECONDS) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def is_ready(worker: WorkerProcess) -> bool:
    """Return whether the worker is ready. Fails if it has ended."""
    assert worker.process.poll() is None, f"the worker ended\n{worker.tail()}"
    return readiness(worker)[0] == 200


def wait_ready(worker: WorkerProcess) -> None:
    """Wait until the worker reports that it is ready."""
    wait_until(lambda: is_ready(worker), READY_SECONDS, "a ready worker")


def wait_unready(worker: WorkerProcess, reason: str) -> None:
    """Wait until the worker reports that it is not ready, and that this is one of the reasons."""

    def is_unready() -> bool:
        assert worker.process.poll() is None, f"the worker ended\n{worker.tail()}"
        status, text = readiness(worker)
        return status == 503 and reason in text

    wait_until(is_unready, READY_SECONDS, f"a worker that is unready: {reason}")


def resident_bytes(worker: WorkerProcess) -> int:
    """Return the resident memory of the process in bytes."""
    fields = Path(f"/proc/{worker.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")
