"""Run one part of the demo: read the output, update the view, and stop at a failure of the worker or the deadline."""

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

#: seconds that one poll waits for output
_POLL_SECONDS: Final = 0.1


class DemoFailed(Exception):  # users read it: "the demo failed: ..."
    """The demo cannot continue. The text has the reason."""


@dataclass(slots=True, kw_only=True)
class DemoSession:
    """The reader, the view and the worker of a run. `deadline` is in seconds of time.monotonic()."""

    reader: EventReader
    counters: OutcomeCounters
    view: DemoView
    worker: "subprocess.Popen[bytes]"
    log: Path
    deadline: float

    def is_past_deadline(self) -> bool:
        """Return whether the deadline has passed."""
        return time.monotonic() >= self.deadline

    def poll(self, *, show_rows: bool) -> None:
        """Read the new output and update the view. Raises DemoFailed if the worker has failed."""
        self.reader.read(self.counters, _POLL_SECONDS)
        self.counters.record_time(time.monotonic())
        self.view.show_progress(self.counters, show_rows=show_rows)
        if self.worker.poll() not in {None, 0}:
            raise DemoFailed(f"the worker ended with exit code {self.worker.returncode}\n{tail(self.log)}")

    def poll_until(self, condition: Callable[[], bool], *, show_rows: bool) -> bool:
        """Poll until the condition holds or the deadline passes. Return whether the condition holds."""
        while not (is_met := condition()) and not self.is_past_deadline():
            self.poll(show_rows=show_rows)
        return is_met
