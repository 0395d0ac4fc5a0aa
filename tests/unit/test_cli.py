import subprocess
import sys
from collections.abc import Callable
from types import ModuleType

import click
import pytest

from reprise import __version__, cli
from reprise.errors import CircuitOpen, Fatal, IndexMismatch, Unreachable, UsageError
from reprise.settings import describe

#: Modules that take a tenth of a second or more to import.
HEAVY = ("datasketch", "kafka", "numpy", "prometheus_client", "pydantic", "redis", "resiliparse", "structlog")


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    """`reprise --help` answers at once, because a command is imported when it is called."""
    program = (
        "import sys; from reprise.cli import main; code = main(['--help']); "
        f"print('imported:', [name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert run.stdout.endswith("imported: []\n")
    for name in cli.COMMANDS:
        assert f"\n  {name} " in run.stdout


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each listed command is there, and its help begins with how it is used."""
    assert cli.main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: reprise {name} ")


def test_the_help_of_run_shows_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """Name and default of each setting stand in the help, from the settings' own definitions."""
    assert cli.main(["run", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for each in describe():
        assert each.variable in shown
        assert f"Default: {each.default or 'not set'}." in shown
        assert (f"{each.variable}_FILE" in shown) == each.secret


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """One line that says which release this is."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"reprise {__version__}\n"


Install = Callable[[Callable[[], object]], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a command named `try` in place that does what it is given."""

    def put(body: Callable[[], object]) -> None:
        module = ModuleType("reprise.commands.try")
        module.command = click.command()(body)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(cli, "COMMANDS", {"try": "Try."})

    return put


def because_of(cause: BaseException, error: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (UsageError("REPRISE_A: wrong\nREPRISE_B: wrong"), 2, ["REPRISE_A: wrong", "REPRISE_B: wrong"]),
        (click.BadParameter("no"), 2, ["Invalid value: no Try 'reprise try --help'."]),
        (click.FileError("articles.jsonl", "it is gone"), 1, ["Could not open file 'articles.jsonl': it is gone"]),
        (IndexMismatch("the index has other parameters"), 1, ["the index has other parameters"]),
        (CircuitOpen("100 in a row"), 1, ["100 in a row"]),
        (Unreachable("no answer\nat all"), 1, ["no answer at all"]),
        (KeyboardInterrupt(), 1, ["interrupted"]),
        (because_of(BrokenPipeError(), Fatal("it cannot be written")), 1, []),
        (FileNotFoundError(2, "No such file or directory", "a.jsonl"), 1, ["a.jsonl: No such file or directory"]),
        (ZeroDivisionError("division\nby zero"), 1, ["ZeroDivisionError: division by zero; --debug shows where"]),
    ],
)
def test_an_error_is_a_clear_line_and_a_code(
    install: Install, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, told: list[str]
) -> None:
    """Usage is 2, all else 1; a line for each mistake on standard error, and no traceback."""
    install(raising(error))
    assert cli.main(["try"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.strip().splitlines() == [f"reprise: {line}" for line in told]


@pytest.mark.parametrize("arguments", [["--debug", "try"], ["try", "--debug"]])
def test_debug_shows_the_traceback(install: Install, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Before or after the command, --debug adds where the error came from and takes nothing away."""
    install(raising(ZeroDivisionError("division by zero")))
    assert cli.main(arguments) == 1
    printed = capsys.readouterr().err
    assert "Traceback (most recent call last)" in printed
    assert printed.splitlines()[-1].startswith("reprise: ZeroDivisionError")


def test_a_command_that_returns_is_done(install: Install) -> None:
    """Nothing raised is exit code 0."""
    install(lambda: None)
    assert cli.main(["try"]) == 0


@pytest.mark.parametrize("arguments", [["nope"], ["--nope"], ["try", "--nope"], ["try", "argument"]])
def test_wrong_usage_is_told_with_the_way_out(
    install: Install, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """An unknown command, option or argument is one line that names the help."""
    install(lambda: None)
    assert cli.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("reprise: ")
    assert "--help'." in line


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """`reprise` alone explains itself on standard error and is wrong usage."""
    assert cli.main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Usage: reprise ")
