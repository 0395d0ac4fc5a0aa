"""`python -m deploy.local.stack up|env|prepare`: run a stack for a worker that is started by hand."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

import click

from deploy.local.stack.external import KAFKA_VARIABLE, REDIS_VARIABLE
from deploy.local.stack.launch import open_stack, prepare
from deploy.local.stack.processes import exit_on_signals
from deploy.local.stack.selection import STATE_DIRECTORY, make_plan
from deploy.local.stack.types import Stack, StackUnavailable

#: file with the addresses of a running stack, as shell assignments
_ADDRESSES: Final = STATE_DIRECTORY / "env"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the three commands and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.stack", description=__doc__)
    commands = {"up": run_stack, "env": print_addresses, "prepare": download}
    parser.add_argument(
        "command",
        choices=commands,
        help="up: run a stack until Ctrl-C; env: print its addresses; prepare: download jars or images",
    )
    try:
        with exit_on_signals():
            return commands[parser.parse_args(arguments).command]()
    except StackUnavailable as error:
        _report(f"the stack is unavailable: {error}")
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def run_stack() -> int:
    """Run a stack until a signal ends it."""
    with open_stack(make_plan(_report)) as stack:
        click.echo(f"stack: {stack}")
        if stack.kafka is None:
            _report("the embedded stack has no servers to run; `reprise replay` starts a store of its own")
            return 1
        _ADDRESSES.write_text(_assignments(stack))
        try:
            click.echo(_assignments(stack) + "running until Ctrl-C")
            signal.pause()  # SIGINT and SIGTERM raise exceptions here
        finally:
            if _ADDRESSES.read_text() == _assignments(stack):  # another stack may have replaced them
                _ADDRESSES.unlink()
    return 0


def print_addresses() -> int:
    """Print the addresses of the running stack for `eval`."""
    if not _ADDRESSES.is_file():
        _report("no stack is running; start one: python -m deploy.local.stack up")
        return 1
    click.echo(_ADDRESSES.read_text(), nl=False)
    return 0


def download() -> int:
    """Download jars or images. A failure is only reported, because the start may use another kind."""
    prepare(make_plan(_report))
    return 0


def _assignments(stack: Stack) -> str:
    values = {KAFKA_VARIABLE: stack.kafka, REDIS_VARIABLE: stack.redis}
    return "".join(f"export {name}={service.address}{os.linesep}" for name, service in values.items() if service)


def _report(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    sys.exit(main())
