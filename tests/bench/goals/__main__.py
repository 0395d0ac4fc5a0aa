"""`python -m tests.bench.goals`: measure in the form that is asked for, keep the figures, write the page."""

import argparse
import shlex
import signal
import sys
from pathlib import Path
from typing import Final

import orjson
from pydantic import TypeAdapter

from deploy.local.stack import StackUnavailable, exit_on_signals, make_plan
from tests.bench.goals.measuring import measure
from tests.bench.goals.plots import draw
from tests.bench.goals.profile import FORMS
from tests.bench.goals.report import page
from tests.bench.goals.results import Results
from tests.bench.goals.run_resources import BenchmarkFailed

_DOCS: Final = Path(__file__).parents[3] / "docs" / "internals" / "benchmark"

#: How each form is called, for the page.
_COMMANDS: Final = {"short": "make bench", "full": "make bench-full"}


def main() -> int:
    """Measure, or only draw again what was measured; write <docs>/results.md and <docs>/figures/."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.goals", description=__doc__)
    parser.add_argument("--form", choices=FORMS, default="short", help="how much is measured (default: short)")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="the folder to write to")
    parser.add_argument("--draw-only", action="store_true", help="draw again what was measured")
    given = parser.parse_args()
    folder: Path = given.docs / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    if not given.draw_only:
        try:
            with exit_on_signals():
                command = _COMMANDS.get(given.form) or shlex.join(["python", "-m", "tests.bench.goals", *sys.argv[1:]])
                results = measure(FORMS[given.form], make_plan(_say), command, _say)
        except (StackUnavailable, BenchmarkFailed) as error:
            _say(f"no benchmark: {error}")
            return 1
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        (folder / f"{given.form}.json").write_bytes(_written(results))
    runs = [_kept(found) for form in FORMS if (found := folder / f"{form}.json").is_file()]
    for run in runs:
        draw(run, folder)
    text = page(runs, "figures")
    (given.docs / "results.md").write_text(text, "utf-8")
    sys.stdout.write(text)
    return 0


def _written(results: Results) -> bytes:
    options = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(results, option=options)


def _kept(path: Path) -> Results:
    results: Results = TypeAdapter(Results).validate_json(path.read_bytes())
    return results


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
