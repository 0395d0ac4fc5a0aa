"""`python -m deploy.local.stack up|env|prepare`: a stack by hand, for a worker that is run by hand."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

import click

from deploy.local.stack.external import KAFKA_VARIABLE, REDIS_VARIABLE
from deploy.local.stack.launch import open_stack, prepare
from deploy.local.stack.processes import ending_on_signals
from deploy.local.stack.selection import STATE, make_plan
from deploy.local.stack.types import Stack, StackUnavailable

#: The addresses of the stack that is up, as shell assignments.
_ADDRESSES: Final = STATE / "env"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the three and give its exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.stack", description=__doc__)
    commands = {"up": up, "env": show_environment, "prepare": fetch}
    parser.add_argument(
        "command", choices=commands, help="run it; print a running one's addresses; fetch what it needs"
    )
    try:
        with ending_on_signals():
            return commands[parser.parse_args(arguments).command]()
    except StackUnavailable as error:
        _say(f"the stack is unavailable: {error}")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def up() -> int:
    """Run a stack until a signal ends it."""
    with open_stack(make_plan(_say)) as stack:
        click.echo(f"stack: {stack}")
        if stack.kafka is None:
            _say("the embedded stack has no servers to keep up; `reprise replay` starts its own store")
            return 1
        _ADDRESSES.write_text(_assignments(stack))
        try:
            click.echo(_assignments(stack) + "up until Ctrl-C")
            signal.pause()  # SIGINT and SIGTERM arrive as exceptions
        finally:
            if _ADDRESSES.read_text() == _assignments(stack):  # else another stack came up since
                _ADDRESSES.unlink()
    return 0


def show_environment() -> int:
    """Print a running stack's addresses for `eval`."""
    if not _ADDRESSES.is_file():
        _say("no stack is up: python -m deploy.local.stack up")
        return 1
    click.echo(_ADDRESSES.read_text(), nl=False)
    return 0


def fetch() -> int:
    """Fetch jars or images; a failure is told and left to the start, which may choose another kind."""
    prepare(make_plan(_say))
    return 0


def _assignments(stack: Stack) -> str:
    values = {KAFKA_VARIABLE: stack.kafka, REDIS_VARIABLE: stack.redis}
    return "".join(f"export {name}={service.address}{os.linesep}" for name, service in values.items() if service)


def _say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    sys.exit(main())
