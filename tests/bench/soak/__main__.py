"""`python -m tests.bench.soak`: soak, keep what was seen as <docs>/figures/soak.json and soak.svg, print a table.

Ends with exit code 1 where memory grew from window to window, or was left when the load was over.
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
from tests.bench.soak.picture import draw
from tests.bench.soak.profile import Form
from tests.bench.soak.results import Soak
from tests.bench.soak.watching import soak

_DOCS: Final = Path(__file__).parents[3] / "docs" / "internals" / "benchmark"


def main() -> int:
    """Soak, or only draw again what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.soak", description=__doc__)
    parser.add_argument("--rate", type=float, default=200.0, help="articles a second (default: %(default)g)")
    parser.add_argument("--window", type=float, default=30.0, help="its seconds (default: %(default)g)")
    parser.add_argument("--windows", type=int, default=8, help="of load, at least 3 (default: %(default)s)")
    parser.add_argument("--words", type=int, default=200, help="mean words of a new story (default: %(default)s)")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="the folder to write to")
    parser.add_argument("--draw-only", action="store_true", help="draw again what was seen")
    given = parser.parse_args()
    if given.window < REDIS_QUERY_INTERVAL_SECONDS or given.windows < 3:
        parser.error(
            f"at least three windows of {REDIS_QUERY_INTERVAL_SECONDS:g} s, the interval of a worker's metrics"
        )
    folder: Path = given.docs / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "soak.json"
    if not given.draw_only:
        form = Form(rate=given.rate, window_seconds=given.window, windows=given.windows, words=given.words)
        command = shlex.join(["python", "-m", "tests.bench.soak", *sys.argv[1:]])
        try:
            with exit_on_signals():
                seen = soak(form, make_plan(_say), command, _say)
        except (StackUnavailable, BenchmarkFailed) as error:
            _say(f"no soak: {error}")
            return 1
        file.write_bytes(orjson.dumps(seen, option=orjson.OPT_APPEND_NEWLINE))
    found: Soak = TypeAdapter(Soak).validate_json(file.read_bytes())
    draw(found, folder / "soak.svg")
    sys.stdout.write(_table(found))
    for mistake in found.mistakes():
        _say(mistake)
    return 1 if found.mistakes() else 0


def _table(found: Soak) -> str:
    lines = [f"| median of | window 3 | window {found.form.windows} | |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {name} | {steady:,.0f} | {last:,.0f} | {last / steady - 1:+.1%} |"
        for name, (steady, last) in found.levels().items()
    ]
    gone = "never" if found.gone_seconds is None else f"{found.gone_seconds:.0f} s after the last article"
    left = found.left_bytes / found.empty_bytes - 1
    return "\n".join([*lines, "", f"{found.sent:,} articles; Redis without keys: {gone}, memory then {left:+.1%}", ""])


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
