"""Run the `reprise` command of this environment."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.demo.session import DemoFailed
from deploy.local.stack import run_child, tail

#: seconds for a short command on a busy machine
_COMMAND_SECONDS: Final = 45.0


def reprise(*arguments: str) -> list[str]:
    """Return the command line: the installed command, or the module if the package is not installed."""
    installed = shutil.which("reprise", path=str(Path(sys.executable).parent))
    return [*([installed] if installed else [sys.executable, "-m", "reprise.cli"]), *arguments]


def run_to_end(arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
    """Run a command and wait for its end. Raises DemoFailed if it fails or times out."""
    with run_child(arguments, log, environment=environment) as process:
        try:
            code = process.wait(timeout=_COMMAND_SECONDS)
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"{' '.join(arguments)} took more than {_COMMAND_SECONDS:g} s\n{tail(log)}") from None
    if code != 0:
        raise DemoFailed(f"{' '.join(arguments)} ended with exit code {code}\n{tail(log)}")
