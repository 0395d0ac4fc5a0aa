"""The `reprise` command as this environment has it."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from deploy.local.demo.session import DemoFailed
from deploy.local.stack import run_child, tail

#: Seconds for a command that is done at once on an idle machine.
_RUN_SECONDS: Final = 45.0


def reprise(*arguments: str) -> list[str]:
    """Return the command line: the installed command, or the module where the package is not installed."""
    beside = shutil.which("reprise", path=str(Path(sys.executable).parent))
    return [*([beside] if beside else [sys.executable, "-m", "reprise.cli"]), *arguments]


def run_to_end(arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
    """Run a command that ends by itself. Raises DemoFailed where it fails or takes too long."""
    with run_child(arguments, log, environment=environment) as process:
        try:
            code = process.wait(timeout=_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            raise DemoFailed(f"reprise {arguments[-1]} took more than {_RUN_SECONDS:g} s\n{tail(log)}") from None
    if code != 0:
        raise DemoFailed(f"{' '.join(arguments)} ended with exit code {code}\n{tail(log)}")
