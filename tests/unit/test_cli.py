import sys
from collections.abc import Callable
from types import ModuleType

import click
import pytest

from reprise import __version__, cli
from reprise.dedup.text.backend import TEXT_BACKEND
from reprise.errors import CircuitOpen, Fatal, IndexMismatch, Unreachable, UsageError
from reprise.settings import describe


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_a_help_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each listed command exists and prints its usage."""
    assert cli.main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: reprise {name} ")


@pytest.mark.parametrize(
    ("command", "uses", "not_used"),
    [
        (["dead", "list"], ["KAFKA_SASL_PASSWORD", "TOPIC_DEAD"], ["RULE_NEAR", "REDIS_URL", "TOPIC_NEW", "GROUP_ID"]),
        (["topics"], ["KAFKA_BOOTSTRAP_SERVERS", "TOPIC_DEAD"], ["RULE_NEAR", "REDIS_URL", "HTTP_PORT"]),
        (["stats"], ["REDIS_URL", "NAMESPACE", "INDEX_GENERATION"], ["KAFKA_", "RULE_NEAR"]),
        (["story"], ["REDIS_URL", "NAMESPACE"], ["KAFKA_", "RULE_NEAR"]),
        (["explain"], ["RULE_NEAR", "MAX_TEXT_CHARACTERS"], ["KAFKA_", "REDIS_URL"]),
        (["run"], ["KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "TOPIC_NEW"], ["RULE_NEAR", "SSL_KEYFILE"]),
    ],
)
def test_the_help_of_a_command_lists_the_settings_that_it_uses(
    command: list[str], uses: list[str], not_used: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The help of `run` lists those that most workers set. Each names the option that lists all."""
    assert cli.main([*command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) < 160
    assert [name for name in uses if name not in shown] == []
    assert [name for name in not_used if name in shown] == []
    assert "--help-settings lists all settings." in shown


def test_help_settings_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    """The output contains the variable and the default of each setting."""
    assert cli.main(["run", "--help-settings"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for setting in describe():
        assert setting.variable in shown
        assert f"Default: {setting.default or 'unset'}." in shown
        assert (f"{setting.variable}_FILE" in shown) == setting.secret


def test_version_prints_the_version_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """The output is one line with the name, the version and the implementation of the text step."""
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"reprise {__version__} ({TEXT_BACKEND} text step)\n"


Install = Callable[[Callable[[], object]], None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a command named `try` with a given body."""

    def install_command(body: Callable[[], object]) -> None:
        module = ModuleType("reprise.commands.try")
        module.command = click.command()(body)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(cli, "COMMANDS", {"try": "A command."})

    return install_command


def with_cause(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (UsageError("REPRISE_A: wrong\nREPRISE_B: wrong"), 2, ["REPRISE_A: wrong", "REPRISE_B: wrong"]),
        (click.BadParameter("no"), 2, ["Invalid value: no See 'reprise try --help'."]),
        (click.FileError("articles.jsonl", "it is gone"), 1, ["Could not open file 'articles.jsonl': it is gone"]),
        (IndexMismatch("the index has other parameters"), 1, ["the index has other parameters"]),
        (CircuitOpen("100 in a row"), 1, [str(CircuitOpen("100 in a row"))]),
        (Unreachable("no answer\nat all"), 1, ["no answer at all"]),
        (KeyboardInterrupt(), 1, ["interrupted"]),
        (with_cause(Fatal("it cannot be written"), BrokenPipeError()), 1, []),
        (FileNotFoundError(2, "No such file or directory", "a.jsonl"), 1, ["a.jsonl: No such file or directory"]),
        (
            ZeroDivisionError("division\nby zero"),
            1,
            ["ZeroDivisionError: division by zero; run with --debug for the traceback"],
        ),
    ],
)
def test_an_error_is_reported_in_one_line_and_by_the_exit_code(
    install: Install, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, lines: list[str]
) -> None:
    """Wrong usage exits with 2, any other error with 1. Standard error has a line per error and no traceback."""
    install(raising(error))
    assert cli.main(["try"]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.strip().splitlines() == [f"reprise: {line}" for line in lines]


@pytest.mark.parametrize("arguments", [["--debug", "try"], ["try", "--debug"]])
def test_debug_prints_the_traceback(install: Install, capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """--debug before or after the command prints the traceback before the error line."""
    install(raising(ZeroDivisionError("division by zero")))
    assert cli.main(arguments) == 1
    printed = capsys.readouterr().err
    assert "Traceback (most recent call last)" in printed
    assert printed.splitlines()[-1].startswith("reprise: ZeroDivisionError")


def test_a_command_that_returns_exits_with_0(install: Install) -> None:
    """A command that raises nothing has succeeded."""
    install(lambda: None)
    assert cli.main(["try"]) == 0


@pytest.mark.parametrize("arguments", [["nope"], ["--nope"], ["try", "--nope"], ["try", "argument"]])
def test_wrong_usage_refers_to_the_help(
    install: Install, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """An unknown command, option or argument is reported in one line that names the help."""
    install(lambda: None)
    assert cli.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("reprise: ")
    assert "--help'." in line


def test_reprise_without_a_command_prints_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The help goes to standard error, and the exit code is that of wrong usage."""
    assert cli.main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Usage: reprise ")
