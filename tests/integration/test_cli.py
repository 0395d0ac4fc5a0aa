"""`reprise --help` as a process."""

import subprocess
import sys

from reprise import cli

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
