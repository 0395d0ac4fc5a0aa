"""The `reprise` command: its subcommands, exit codes and error lines.

Exit codes: 0 success, 1 error, 2 wrong usage or invalid settings.
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
from reprise.dedup.text.backend import TEXT_BACKEND
from reprise.errors import Fatal, RepriseError, UsageError

EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 2

#: Subcommands and their lines in `reprise --help`. The click command is `command` in the module reprise.commands.NAME.
#: The module is imported when its command is called: `reprise --help` takes 0.07 s and `reprise run --help`,
#: which imports the clients of Kafka and Redis, 0.65 s (Python 3.11, two cores).
COMMANDS: Final = {
    "run": "Run the worker: consume articles, publish story events.",
    "input": "Show how the messages of a crawler are read.",
    "replay": "Run the worker's pipeline on files, without Kafka.",
    "produce": "Write the articles of files to the input topic.",
    "generate": "Generate a synthetic crawl with known stories.",
    "topics": "Create the topics, or check existing ones.",
    "dead": "List or redrive dead letters.",
    "stats": "Show the content and memory usage of an index.",
    "story": "List the indexed articles of a story.",
    "evaluate": "Score the decisions on labelled articles.",
    "explain": "Explain why two articles match or do not match.",
}


@dataclass(slots=True)
class GlobalOptions:
    """Options that every command accepts."""

    debug: bool = False


def _set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        context.ensure_object(GlobalOptions).debug = True


def _debug_option() -> click.Option:
    return click.Option(
        ["--debug"], is_flag=True, expose_value=False, callback=_set_debug, help="Print the traceback of an error."
    )


class _LazyGroup(click.Group):
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
        with formatter.section("Commands"):  # click's own version imports every module for its help text
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    params=[_debug_option()],
    context_settings={"max_content_width": 100},
)
@click.version_option(__version__, prog_name="reprise", message=f"%(prog)s %(version)s ({TEXT_BACKEND} text step)")
@click.pass_context
def root(context: click.Context) -> None:
    """Detect new stories and variants of known ones in a stream of news articles.

    Environment variables configure the commands; 'reprise run --help-settings' lists them.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(EXIT_USAGE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Catches every exception and prints its message to standard error, one line per error.
    """
    options = GlobalOptions()
    try:
        result: Any = root.main(args=arguments, prog_name="reprise", standalone_mode=False, obj=options)
    except (Exception, KeyboardInterrupt) as error:  # the last handler: beyond it users would see a traceback
        if options.debug:
            traceback.print_exc()
        code, message = _describe_error(error)
        for line in message.splitlines():
            click.echo(f"reprise: {line}", err=True)
        result = code
    _flush_output()
    return result if isinstance(result, int) else EXIT_OK


def _describe_error(error: BaseException) -> tuple[int, str]:
    """Return the exit code and the message, which is empty if there is nothing to report."""
    code = EXIT_ERROR
    match error:
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "reprise"
            code, message = EXIT_USAGE, f"{error.format_message()} See '{command} --help'."
        case UsageError():
            code, message = EXIT_USAGE, str(error)
        case click.ClickException():
            message = error.format_message()
        case KeyboardInterrupt() | click.Abort():
            message = "interrupted"
        case BrokenPipeError() | Fatal(__cause__=BrokenPipeError()):
            message = ""  # the reader closed the pipe on purpose, as in `... | head`
        case RepriseError():
            message = _one_line(error)
        case OSError(filename=str() as name, strerror=str() as reason):
            message = f"{name}: {reason}"
        case _:
            message = f"{type(error).__name__}: {_one_line(error)}; run with --debug for the traceback"
    return code, message


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _flush_output() -> None:
    """Flush standard output. If its reader is gone, redirect it to /dev/null.

    Otherwise the interpreter would flush again when it exits, and print an error.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
