"""`python -m tests.bench.soak`: run a soak test, write <docs>/figures/soak.json and soak.svg, print a table.

The exit code is 1 if memory grew from window to window, or was not freed after the load.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import Final

import orjson
from pydantic import TypeAdapter

from deploy.local.stack import StackUnavailable, exit_on_signals, make_plan
from reprise.observability.collectors import REDIS_QUERY_INTERVAL_SECONDS
from tests.bench.goals.run_resources import BenchmarkFailed
from tests.bench.soak.plot import draw
from tests.bench.soak.profile import SoakProfile
from tests.bench.soak.results import SoakResults
from tests.bench.soak.run import run_soak

_DOCS: Final = Path(__file__).parents[3] / "docs" / "internals" / "benchmark"


def main() -> int:
    """Run a soak test, or only use saved results."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="articles per second (default: %(default)g)")
    parser.add_argument("--window", type=float, default=30.0, help="window in seconds (default: %(default)g)")
    parser.add_argument("--windows", type=int, default=8, help="windows of load, at least 3 (default: %(default)s)")
    parser.add_argument("--words", type=int, default=200, help="mean words of a new story (default: %(default)s)")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="output directory")
    parser.add_argument("--draw-only", action="store_true", help="draw the plot from saved results")
    options = parser.parse_args()
    if options.window < REDIS_QUERY_INTERVAL_SECONDS or options.windows < 3:
        parser.error(
            f"at least 3 windows of at least {REDIS_QUERY_INTERVAL_SECONDS:g} s, the interval of the worker's metrics"
        )
    figures: Path = options.docs / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    file = figures / "soak.json"
    if not options.draw_only:
        profile = SoakProfile(
            rate=options.rate, window_seconds=options.window, windows=options.windows, words=options.words
        )
        command = shlex.join(["python", "-m", "tests.bench.soak", *sys.argv[1:]])
        try:
            with exit_on_signals():
                results = run_soak(profile, make_plan(_report), command, _report)
        except (StackUnavailable, BenchmarkFailed) as error:
            _report(f"the soak test failed: {error}")
            return 1
        file.write_bytes(orjson.dumps(results, option=orjson.OPT_APPEND_NEWLINE))
    saved: SoakResults = TypeAdapter(SoakResults).validate_json(file.read_bytes())
    draw(saved, figures / "soak.svg")
    sys.stdout.write(_table(saved))
    for problem in saved.problems():
        _report(problem)
    return 1 if saved.problems() else 0


def _table(results: SoakResults) -> str:
    lines = [f"| median of | window 3 | window {results.profile.windows} | |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {name} | {steady:,.0f} | {last:,.0f} | {last / steady - 1:+.1%} |"
        for name, (steady, last) in results.levels().items()
    ]
    gone = "never" if results.gone_seconds is None else f"{results.gone_seconds:.0f} s after the last article"
    left = results.left_bytes / results.empty_bytes - 1
    summary = f"{results.sent:,} articles; Redis without keys: {gone}; memory compared with the start: {left:+.1%}"
    return "\n".join([*lines, "", summary, ""])


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
