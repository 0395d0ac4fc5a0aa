"""Measure every goal of detection: `python -m tests.bench.detection [--only SET ...] [--set NAME=VALUE ...]`.

Prints a Markdown table of figures by set and order of arrival, with the goals and whether they hold. The reference
index decides the sets, several at a time in processes of their own. `--set` changes fields of Rule
(`near_similarity=0.4`) and constants of modules in reprise.dedup (`shared_passages._MAX_REST=0.2`).
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.bench import detection_sets
from tests.bench.detection_sets import SHARED, DetectionRun, Figure
from tests.bench.rule_changes import apply_changes

_EVAL: Final = SHARED / "eval"

#: Sets by name, the slow ones first, so that the processes end at about the same time.
SETS: Final[Mapping[str, Callable[[DetectionRun], Iterator[Figure]]]] = {
    "saudi-dev": partial(detection_sets.unlabelled, path=_EVAL / "saudi-dev.jsonl.gz"),
    "reuters, one source": partial(detection_sets.unlabelled, path=_EVAL / "reuters21578.jsonl.gz", source="reuters"),
    "reuters, no source": partial(detection_sets.unlabelled, path=_EVAL / "reuters21578.jsonl.gz"),
    "fakebr-dev": partial(detection_sets.unlabelled, path=_EVAL / "fakebr-dev.jsonl.gz"),
    "bsnlp-dev": partial(detection_sets.unlabelled, path=_EVAL / "bsnlp-dev.jsonl.gz"),
    "spotsigs-dev": partial(detection_sets.labelled, path=_EVAL / "spotsigs-dev.jsonl.gz"),
    "spotsigs-dev-main": partial(detection_sets.labelled, path=_EVAL / "spotsigs-dev-main.jsonl.gz"),
    "spotsigs-dev-html": partial(detection_sets.labelled, path=_EVAL / "spotsigs-dev-html.jsonl.gz"),
    "seeds": detection_sets.seeds,
    "layouts": detection_sets.layouts,
    "notice 1": lambda run: detection_sets.generated(run, "notice", "--share", "1"),
    "notice .3": lambda run: detection_sets.generated(run, "notice", "--share", ".3"),
    "notice .1": lambda run: detection_sets.generated(run, "notice", "--share", ".1"),
    "reprints": lambda run: detection_sets.generated(run, "reprints"),
    "shells": lambda run: detection_sets.generated(run, "shells"),
    "stub": lambda run: detection_sets.generated(run, "stub"),
    "field": detection_sets.field,
}

_MEAN: Final = "random, mean"
_WORST: Final = "random, worst"

#: Goals: set, order, figure -> the bound, and the figure of the rule before it had these goals. A bound of 0 or less
#: is a maximum of that size.
GOALS: Final[Mapping[tuple[str, str, str], tuple[float, float | None]]] = {
    ("notice 1", _MEAN, "precision"): (0.98, 0.015),
    ("notice .3", _MEAN, "precision"): (0.98, 0.73),
    ("notice .1", _MEAN, "precision"): (0.98, 0.91),
    ("shells", _MEAN, "precision"): (0.95, 0.002),
    ("reprints", _MEAN, "precision"): (0.98, 0.015),
    ("reprints", _MEAN, "recall"): (0.96, 0.996),
    ("stub", _MEAN, "precision"): (1.0, 1.0),
    ("stub", _MEAN, "recall"): (0.99, 0.855),
    ("field", "file", "cases wrong"): (0, None),
    ("spotsigs-dev", _MEAN, "F1"): (0.965, 0.968),
    ("spotsigs-dev", _WORST, "F1"): (0.955, 0.956),
    ("spotsigs-dev", _MEAN, "pairwise precision"): (0.993, 0.994),
    ("spotsigs-dev", "file", "F1"): (0.95, 0.897),
    ("spotsigs-dev", "file", "pairwise precision"): (0.98, 0.832),
    ("spotsigs-dev", _MEAN, "wrong merges"): (0, None),
    ("spotsigs-dev", "file", "wrong merges"): (0, None),
    ("spotsigs-dev-main", _MEAN, "F1"): (0.965, 0.884),
    ("spotsigs-dev-main", _WORST, "F1"): (0.955, 0.879),
    ("saudi-dev", "file", "copied pairs"): (0.90, 0.664),
    ("saudi-dev", "file", "recall .9x"): (0.975, 0.957),
    ("saudi-dev", "file", "recall .7x"): (0.93, 0.892),
    ("saudi-dev", "file", "recall .5x"): (0.86, 0.846),
    ("saudi-dev", "file", "largest"): (-50, 110),
    ("bsnlp-dev", "file", "copied pairs"): (0.92, 0.803),
    ("bsnlp-dev", "file", "recall .9s"): (0.97, 0.880),
    ("bsnlp-dev", "file", "recall .7s"): (0.92, 0.780),
    ("bsnlp-dev", "file", "recall .5s"): (0.80, 0.588),
    ("bsnlp-dev", "file", "recall .5x"): (0.90, 0.888),
    ("fakebr-dev", "file", "recall .5s"): (0.85, 0.688),
    ("fakebr-dev", "file", "copied events"): (0.98, 0.963),
    ("layouts", "copies last", "two spaces"): (0.95, 0.42),
    ("layouts", "copies last", "no-break spaces"): (0.95, None),
    ("layouts", "copies last", "no stops"): (0.95, 0.32),
    ("layouts", "copies last", "lines broken anywhere"): (0.95, None),
    ("layouts", "copies last", "joined into one line"): (0.95, 0.95),
    ("layouts", "copies last", "indented lines"): (0.95, None),
    ("seeds", "all", "hash functions"): (40, 36),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetResult:
    """The figures of one set, and the CPU and wall-clock seconds that it took."""

    name: str
    figures: Sequence[Figure]
    cpu_seconds: float
    seconds: float


def measure(name: str, changes: Sequence[str], random_orders: int, unlabelled_orders: int) -> SetResult:
    """Measure one set with changes of the rule."""
    started = time.perf_counter(), _cpu_seconds()
    with apply_changes(changes) as rule:
        run = DetectionRun(rule=rule, random_orders=random_orders, unlabelled_orders=unlabelled_orders)
        figures = list(SETS[name](run))
    return SetResult(
        name=name,
        figures=figures,
        cpu_seconds=_cpu_seconds() - started[1],
        seconds=time.perf_counter() - started[0],
    )


def _cpu_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def markdown(results: Iterable[SetResult], *, all_figures: bool) -> Iterator[str]:
    """Yield the lines of the table; without `all_figures`, only those of figures that have a goal, and of texts."""
    yield "| set | order | figure | value | goal | before | |"
    yield "| --- | --- | --- | ---: | ---: | ---: | --- |"
    for result in results:
        for figure in result.figures:
            own = (result.name, figure.order, figure.name)
            # A goal of a set without labels holds for the order of the file and for the mean of random orders.
            goal = GOALS.get(own, GOALS.get((result.name, "file", figure.name)) if figure.order == _MEAN else None)
            if goal is not None or all_figures or isinstance(figure.value, str):
                yield _row(result.name, figure, goal)


def _row(name: str, figure: Figure, goal: tuple[float, float | None] | None) -> str:
    value = figure.value if isinstance(figure.value, str) else _number(figure.value)
    cells = [name, figure.order, figure.name, value, "", "", ""]
    if goal is not None and not isinstance(figure.value, str):
        bound, before = goal
        is_maximum = bound <= 0
        holds = figure.value <= -bound if is_maximum else figure.value >= bound
        cells[4:] = [
            f"{'<=' if is_maximum else '>='} {_number(abs(bound))}",
            "" if before is None else _number(before),
            "holds" if holds else "MISSED",
        ]
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def main() -> int:
    """Measure the sets and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.detection",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only", nargs="+", metavar="SET", default=list(SETS), help="sets, or beginnings of their names"
    )
    parser.add_argument("--set", nargs="+", metavar="NAME=VALUE", default=[], help="changes of the rule")
    parser.add_argument("--orders", type=int, default=5, help="random orders of labelled sets")
    parser.add_argument("--unlabelled-orders", type=int, default=0, help="random orders of sets without labels")
    parser.add_argument("--processes", type=int, default=2, help="sets that are measured at once")
    parser.add_argument("--all", action="store_true", help="also print the figures without a goal")
    options = parser.parse_args()
    names = [name for name in SETS if any(name.startswith(only) for only in options.only)]
    if not names:
        parser.error(f"no set is called so; there are: {', '.join(SETS)}")
    try:
        with apply_changes(options.set):
            pass
    except ValueError as error:
        parser.error(str(error))
    work = partial(
        measure, changes=options.set, random_orders=options.orders, unlabelled_orders=options.unlabelled_orders
    )
    results = {}
    with ProcessPoolExecutor(options.processes, multiprocessing.get_context("fork")) as pool:
        for result in pool.map(work, names):
            results[result.name] = result
            sys.stderr.write(f"{result.name}: {result.cpu_seconds:.1f} s of CPU time, {result.seconds:.1f} s\n")
    sys.stdout.write("\n".join((*markdown([results[name] for name in names], all_figures=options.all), "")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
