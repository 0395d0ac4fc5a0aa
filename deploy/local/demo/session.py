"""Going on with the demo: listen, show, watch over the worker, end in time."""

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.demo.counters import OutcomeCounters
from deploy.local.demo.event_reader import EventReader
from deploy.local.demo.view import DemoView
from deploy.local.stack import tail

#: Seconds that one look at the outputs waits for something to come.
_LISTEN_SECONDS: Final = 0.1


class DemoFailed(Exception):  # said to people
    """The demo cannot go on; the text says why."""


@dataclass(slots=True, kw_only=True)
class DemoSession:
    """One run's listener, screen, worker and deadline (seconds of time.monotonic)."""

    listener: EventReader
    tally: OutcomeCounters
    view: DemoView
    worker: "subprocess.Popen[bytes]"
    log: Path
    deadline: float

    def is_over(self) -> bool:
        """Tell whether the deadline has come."""
        return time.monotonic() >= self.deadline

    def step(self, *, rows: bool) -> None:
        """Listen once and show. Raises DemoFailed where the worker has failed."""
        self.listener.listen(self.tally, _LISTEN_SECONDS)
        self.tally.note_time(time.monotonic())
        self.view.show(self.tally, rows=rows)
        if self.worker.poll() not in {None, 0}:
            raise DemoFailed(f"the worker ended with exit code {self.worker.returncode}\n{tail(self.log)}")

    def until(self, condition: Callable[[], bool], *, rows: bool) -> bool:
        """Step until the condition holds or the deadline comes; tell whether it holds."""
        while not (held := condition()) and not self.is_over():
            self.step(rows=rows)
        return held
