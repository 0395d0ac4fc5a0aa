"""The table that a run of scenarios ends with, in Markdown."""

from collections.abc import Iterator, Sequence

from tests.faults.scenario import Outcome

_HEAD = ("scenario", "delivery", "seed", "articles", "kills", "lost", "doubled", "recovered within")


def lines(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Give a line a scenario, under the names of the columns; nothing where none was run."""
    if not outcomes:
        return
    yield ""
    yield _row(_HEAD)
    yield _row(["---"] * 3 + ["---:"] * (len(_HEAD) - 3))
    for outcome in outcomes:
        yield _row(_cells(outcome))


def _cells(outcome: Outcome) -> Sequence[str]:
    start = (outcome.scenario, outcome.delivery, str(outcome.seed))
    seconds = "" if outcome.recover_seconds is None else f"{outcome.recover_seconds:.1f} s"
    verdict = outcome.verdict
    if verdict is None:
        return (*start, "failed", str(outcome.kills), "", "", seconds)
    return (*start, f"{verdict.articles:,}", str(outcome.kills), "0", f"{verdict.doubled:,}", seconds)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
