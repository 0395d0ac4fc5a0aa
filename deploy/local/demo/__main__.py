"""`make demo`: start Kafka and Redis, run the worker on a sample crawl, show its decisions, stop everything."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final

from rich.console import Console

from deploy.local.demo.counters import OutcomeCounters
from deploy.local.demo.crawl import DemoLoad, load_sample
from deploy.local.demo.on_files import run_on_files
from deploy.local.demo.on_kafka import run_on_kafka
from deploy.local.demo.session import DemoFailed
from deploy.local.demo.summary import summarize
from deploy.local.stack import Stack, StackPlan, StackUnavailable, exit_on_signals, make_plan, open_stack

#: seconds for the demo once the stack is up; the rest of the 90 s limit is for stopping everything
_DEMO_SECONDS: Final = 65.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo. Return 0 on success, 1 on failure, 130 after an interrupt."""
    load = _parse_load(arguments)
    console = Console(highlight=False)

    def report(line: str) -> None:
        console.print(line, markup=False, soft_wrap=True)

    try:
        with exit_on_signals():
            plan = make_plan(report)
            report(f"starting the stack: {plan}")
            with open_stack(plan) as stack:
                report(f"stack: {stack}")
                summary = _run(plan, stack, load, console)
            for line in summary:
                report(line)
    except (DemoFailed, StackUnavailable) as error:
        report(f"the demo failed: {error}")
        return 1
    except KeyboardInterrupt:
        report("interrupted; the worker and the servers of the demo are stopped")
        return 128 + signal.SIGINT
    return 0


def _parse_load(arguments: Sequence[str] | None) -> DemoLoad:
    default = DemoLoad()
    parser = argparse.ArgumentParser(prog="python -m deploy.local.demo", description=__doc__)
    parser.add_argument(
        "--rate", type=float, default=default.rate, help="messages of the sample crawl per second (%(default)s)"
    )
    parser.add_argument(
        "--articles", type=int, default=default.articles, help="generated articles after the sample (%(default)s)"
    )
    return DemoLoad(**vars(parser.parse_args(arguments)))


def _run(plan: StackPlan, stack: Stack, load: DemoLoad, console: Console) -> list[str]:
    """Run the demo on the stack and return the lines of the summary."""
    sample = load_sample()
    counters = OutcomeCounters(sample_keys=sample.gold.keys())
    deadline = time.monotonic() + _DEMO_SECONDS
    if stack.kafka is None or stack.redis is None:
        throughput = run_on_files(sample, load, counters, console, plan.logs, deadline)
    else:
        throughput = run_on_kafka(stack.kafka, stack.redis, sample, load, counters, console, plan.logs, deadline)
    return summarize(counters, sample.gold, str(stack), throughput)


if __name__ == "__main__":
    sys.exit(main())
