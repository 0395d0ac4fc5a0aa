"""`make demo`: bring the stack up, run the worker on a sample crawl, show what it decides, take everything down."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from deploy.local.demo import on_files, on_kafka
from deploy.local.demo.counters import OutcomeCounters
from deploy.local.demo.crawl import DemoLoad, load_sample
from deploy.local.demo.session import DemoFailed
from deploy.local.demo.summary import summarize
from deploy.local.stack import Stack, StackPlan, StackUnavailable, exit_on_signals, make_plan, open_stack

#: Seconds from the stack's being up to the last thing that is waited for; the rest of 90 is for taking it all down.
_SHOW_SECONDS: Final = 65.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and give its exit code: 0 done, 1 something failed, 130 interrupted."""
    load = _load(arguments)
    console = Console(highlight=False)

    def say(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    try:
        with exit_on_signals():
            plan = make_plan(say)
            say(f"bringing up the stack: {plan}")
            with open_stack(plan) as stack:
                say(f"stack: {stack}")
                last_words = _show(plan, stack, load, console)
            for line in last_words:
                say(line)
    except (DemoFailed, StackUnavailable) as error:
        say(f"the demo failed: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; everything that was started is stopped")
        return 128 + signal.SIGINT
    return 0


def _load(arguments: Sequence[str] | None) -> DemoLoad:
    usual = DemoLoad()
    parser = argparse.ArgumentParser(prog="python -m deploy.local.demo", description=__doc__)
    parser.add_argument("--rate", type=float, default=usual.rate, help="pages of the sample a second (%(default)s)")
    parser.add_argument("--articles", type=int, default=usual.articles, help="articles of the stream (%(default)s)")
    return DemoLoad(**vars(parser.parse_args(arguments)))


def _show(plan: StackPlan, stack: Stack, load: DemoLoad, console: Console) -> list[str]:
    sample = load_sample()
    tally = OutcomeCounters(watched=sample.gold.keys())
    deadline = time.monotonic() + _SHOW_SECONDS
    if stack.kafka is None or stack.redis is None:
        speed = on_files.run_on_files(sample, load, tally, console, plan.logs, deadline)
    else:
        speed = on_kafka.run_on_kafka(stack.kafka, stack.redis, sample, load, tally, console, plan.logs, deadline)
    return summarize(tally, sample.gold, str(stack), speed)


if __name__ == "__main__":
    sys.exit(main())
