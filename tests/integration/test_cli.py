"""`reprise --help` as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprise import __version__, cli
from reprise.dedup.text.backend import TEXT_BACKEND
from tests.support import reprise_command

#: Modules that are slow to import.
HEAVY = ("datasketch", "kafka", "numpy", "prometheus_client", "pydantic", "redis", "resiliparse", "structlog")


def test_help_lists_every_command_and_imports_no_slow_module() -> None:
    """`reprise --help` imports no command's module."""
    program = (
        "import sys; from reprise.cli import main; code = main(['--help']); "
        f"print('imported:', [name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("imported: []\n")
    for name in cli.COMMANDS:
        assert f"\n  {name} " in run.stdout


@pytest.mark.parametrize("command", [reprise_command(), [sys.executable, "-m", "reprise"]], ids=["script", "module"])
@pytest.mark.parametrize("python_path", [False, True], ids=["current directory", "PYTHONPATH"])
def test_a_module_named_worker_does_not_break_the_command(
    tmp_path: Path, command: list[str], python_path: bool
) -> None:
    """A user's worker.py in the current directory or on PYTHONPATH is never imported."""
    (tmp_path / "worker.py").write_text("raise SystemExit('the wrong module')\n")
    environment = dict(os.environ)
    if python_path:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(tmp_path), environment.get("PYTHONPATH")]))
    run = subprocess.run(
        [*command, "--version"],
        cwd=None if python_path else tmp_path,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, f"reprise {__version__} ({TEXT_BACKEND} text step)\n", "")
