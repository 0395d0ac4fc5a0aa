"""`python -m tests.bench.goals`: measure with a profile, save the results, write the page and its plots."""

import argparse
import shlex
import signal
import sys
from pathlib import Path
from typing import Final

import orjson
from pydantic import TypeAdapter

from deploy.local.stack import StackUnavailable, exit_on_signals, make_plan
from tests.bench.goals.plots import draw
from tests.bench.goals.profile import PROFILES
from tests.bench.goals.report import render_page
from tests.bench.goals.results import BenchmarkResults
from tests.bench.goals.run_all import measure_all
from tests.bench.goals.run_resources import BenchmarkFailed

_DOCS: Final = Path(__file__).parents[3] / "docs" / "internals" / "benchmark"

#: the command of a profile, for the page
_COMMANDS: Final = {"short": "make bench", "full": "make bench-full"}


def main() -> int:
    """Measure, or only use saved results; write <docs>/results.md and <docs>/figures/."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.goals", description=__doc__)
    parser.add_argument("--profile", choices=PROFILES, default="short", help="sizes of the run (default: short)")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="output directory")
    parser.add_argument("--draw-only", action="store_true", help="write page and plots from saved results")
    options = parser.parse_args()
    figures: Path = options.docs / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    if not options.draw_only:
        command = _COMMANDS.get(options.profile) or shlex.join(["python", "-m", "tests.bench.goals", *sys.argv[1:]])
        try:
            with exit_on_signals():
                results = measure_all(PROFILES[options.profile], make_plan(_report), command, _report)
        except (StackUnavailable, BenchmarkFailed) as error:
            _report(f"the benchmark failed: {error}")
            return 1
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        (figures / f"{options.profile}.json").write_bytes(_serialize(results))
    runs = [_load(file) for profile in PROFILES if (file := figures / f"{profile}.json").is_file()]
    for run in runs:
        draw(run, figures)
    text = render_page(runs, "figures")
    (options.docs / "results.md").write_text(text, "utf-8")
    sys.stdout.write(text)
    return 0


def _serialize(results: BenchmarkResults) -> bytes:
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(results, option=options)


def _load(path: Path) -> BenchmarkResults:
    results: BenchmarkResults = TypeAdapter(BenchmarkResults).validate_json(path.read_bytes())
    return results


def _report(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
