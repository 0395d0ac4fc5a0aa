"""The `reprise` command: which commands there are, exit codes, and how an error is told.

    0  done        2  wrong usage or settings        1  anything else

A command lives in its own module of reprise/commands and is imported when it is called, so that `reprise --help` and a
worker's start pay for nothing that they do not use.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import click

from reprise import __version__
from reprise.errors import Fatal, RepriseError, UsageError

DONE: Final = 0
FAILED: Final = 1
MISUSED: Final = 2

#: Each command's module is reprise.commands.NAME and holds `command`; the words are its line in `reprise --help`.
COMMANDS: Final = {
    "run": "Read articles from Kafka, decide, and publish the events.",
    "replay": "Decide the articles of files, without Kafka.",
    "generate": "Generate a crawl whose stories are known.",
    "topics": "Create the topics, and check those that exist.",
    "dead": "List the dead letters, and send them back.",
    "stats": "Print what the index holds.",
    "story": "Print the representatives of a story.",
    "evaluate": "Score the decisions on a file whose stories are known.",
    "explain": "Show why two articles match or do not.",
}


@dataclass(slots=True)
class Options:
    """What holds for every command."""

    debug: bool = False


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(Options).debug = True


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=_set_debug, help="Show the traceback of an error."
    )


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"reprise.commands.{cmd_name}").command
        command.name = cmd_name
        if not any(parameter.name == "debug" for parameter in command.params):
            command.params.append(_debug_option())
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):  # from the table: the modules stay unimported
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, invoke_without_command=True, params=[_debug_option()])
@click.version_option(__version__, prog_name="reprise", message="%(prog)s %(version)s")
@click.pass_context
def root(context: click.Context) -> None:
    """Tell new stories from variants in a stream of news articles.

    Settings come from the environment; `reprise run --help` lists them.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(MISUSED)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; an error becomes one line on standard error for each mistake."""
    options = Options()
    try:
        result: Any = root.main(args=arguments, prog_name="reprise", standalone_mode=False, obj=options)
    except (Exception, KeyboardInterrupt) as error:  # nothing else stands between an error and its user
        if options.debug:
            traceback.print_exc()
        code, told = _explain(error)
        for line in told.splitlines():
            click.echo(f"reprise: {line}", err=True)
        result = code
    _close_output()
    return result if isinstance(result, int) else DONE


def _explain(error: BaseException) -> tuple[int, str]:
    code, told = FAILED, f"{type(error).__name__}: {_one_line(error)}; --debug shows where"
    match error:
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "reprise"
            code, told = MISUSED, f"{error.format_message()} Try '{command} --help'."
        case UsageError():
            code, told = MISUSED, str(error)
        case click.ClickException():
            told = error.format_message()
        case KeyboardInterrupt() | click.Abort():
            told = "interrupted"
        case BrokenPipeError() | Fatal(__cause__=BrokenPipeError()):
            told = ""  # whoever read has what was wanted, as in `... | head`; the code says that it is not all
        case RepriseError():
            told = _one_line(error)
        case OSError(filename=str() as name, strerror=str() as reason):
            told = f"{name}: {reason}"
    return code, told


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _close_output() -> None:
    """Write what is left; where nobody reads it, keep the interpreter from trying, and complaining, when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
