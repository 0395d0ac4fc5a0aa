"""The table of a session's scenarios, in Markdown."""

from collections.abc import Iterator, Sequence

from tests.faults.scenario import ScenarioResult

_HEAD = ("scenario", "delivery", "seed", "articles", "kills", "lost", "merges", "copies", "recovered within")


def table_lines(results: Sequence[ScenarioResult]) -> Iterator[str]:
    """Yield the lines of the table, or none if no scenario ran."""
    if not results:
        return
    yield ""
    yield _row(_HEAD)
    yield _row(["---"] * 3 + ["---:"] * (len(_HEAD) - 3))
    for result in results:
        yield _row(_cells(result))


def _cells(result: ScenarioResult) -> Sequence[str]:
    start = (result.scenario, result.delivery, str(result.seed))
    seconds = "" if result.recovery_seconds is None else f"{result.recovery_seconds:.1f} s"
    counts = result.counts
    if counts is None:
        return (*start, "failed", str(result.kills), "", "", "", seconds)
    return (*start, f"{counts.articles:,}", str(result.kills), "0", f"{counts.merges:,}", f"{counts.copies:,}", seconds)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
