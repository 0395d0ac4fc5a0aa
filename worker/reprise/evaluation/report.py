"""Render the report of an evaluation: as JSON and for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reprise.evaluation.error_analysis import NearestArticle, StoryErrors, StorySplit, WrongJoin
from reprise.evaluation.report_parts import MAX_TITLE, article_json, describe, share
from reprise.evaluation.scores import Scores, summarize_orders
from reprise.evaluation.shared_text_report import recall_json, recall_table
from reprise.evaluation.shared_text_scores import RecallByContainment
from reprise.evaluation.story_merges import MergeScores
from reprise.model import Decision
from reprise.sanitize import one_line

#: name of the worker's column
WORKER: Final = "reprise"

#: fields of Scores in the order of the table, and their titles
_FIGURES: Final = {
    "b3_p": "B-cubed precision",
    "b3_r": "B-cubed recall",
    "b3_f1": "B-cubed F1",
    "pair_p": "pairwise precision",
    "pair_r": "pairwise recall",
    "pair_f1": "pairwise F1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """The results of an evaluation.

    articles      decided articles
    scored        labelled article ids
    gold_stories  labels
    rejected      lines that are no valid article
    seeds         the seed of each order of arrival; None for the order of the file
    systems       the scores of each order, by system; the worker is the first system
    file_order    the scores in the order of the file, by system
    recall        the worker's recall by containment in the order of the file, and then in that of each seed
    merges        the worker's merges in the same orders
    worst_order   index in `seeds` of the order with the lowest F1
    worst         the stories with the most errors in that order
    """

    articles: int
    scored: int
    gold_stories: int
    rejected: int
    seeds: Sequence[int | None]
    systems: Mapping[str, Sequence[Scores]]
    file_order: Mapping[str, Scores]
    recall: Sequence[Sequence[RecallByContainment]]
    merges: Sequence[MergeScores]
    worst_order: int
    worst: Sequence[StoryErrors]


def to_json(report: EvaluationReport) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {
        "articles": report.articles,
        "scored": report.scored,
        "gold_stories": report.gold_stories,
        "unread": report.rejected,
        "seeds": list(report.seeds),
        "systems": {
            name: {
                "orders": [asdict(run) for run in scores],
                "over_orders": {figure: asdict(stats) for figure, stats in summarize_orders(scores).items()},
            }
            for name, scores in report.systems.items()
        },
        "file_order": {name: asdict(scores) for name, scores in report.file_order.items()},
        "recall_by_containment": {
            "file_order": recall_json(report.recall[0]),
            "orders": [recall_json(recall) for recall in report.recall[1:]],
        },
        "merges": {
            "file_order": asdict(report.merges[0]),
            "orders": [asdict(merges) for merges in report.merges[1:]],
        },
        "worst_order": report.worst_order,
        "worst_stories": [_errors_json(errors) for errors in report.worst],
    }


def to_terminal(report: EvaluationReport) -> RenderableType:
    """Return the report as text and tables for a terminal."""
    parts: list[RenderableType] = [_heading(report), _score_table(report)]
    if report.seeds != [None]:
        parts += [Text(), _file_order_table(report)]
    if any(each.merges for each in report.merges):
        parts += [Text(), _merge_table(report)]
    if any(figure.pairs for figure in report.recall[0]):
        parts += [Text(), recall_table(report.recall[0], [] if report.seeds == [None] else report.recall[1:])]
    if report.worst:
        parts += [Text(), Text(f"Stories with the most errors, {_order_name(report)}", style="bold")]
        parts += [line for errors in report.worst for line in _story_lines(errors)]
    return Group(*parts)


def _heading(report: EvaluationReport) -> Text:
    orders = f"mean of {len(report.seeds)} random orders, and the order of the file"
    orders = "the order of the file" if report.seeds == [None] else orders
    rejected = f"; rejected lines: {report.rejected:,}" if report.rejected else ""
    return Text(
        f"{report.articles:,} articles; {report.scored:,} labelled ids in {report.gold_stories:,} stories; "
        f"{orders}{rejected}"
    )


def _score_table(report: EvaluationReport) -> Table:
    """Return the mean scores of each system, for the worker also the worst order and the spread."""
    has_spread = len(report.seeds) > 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for name in report.systems:
        table.add_column(name.replace(" ", "\n", 1), justify="right", no_wrap=True)
        if name == WORKER and has_spread:
            table.add_column("worst", justify="right", no_wrap=True)
            table.add_column("spread", justify="right", no_wrap=True)
    systems = {name: summarize_orders(scores) for name, scores in report.systems.items()}
    for figure, title in _FIGURES.items():
        row = [title]
        for name, stats in systems.items():
            row.append(share(stats[figure].mean))
            row += [share(stats[figure].worst), share(stats[figure].spread)] if name == WORKER and has_spread else []
        table.add_row(*row, style="bold" if figure.endswith("f1") else None)
    table.add_row("stories found", *_story_counts(report, has_spread))
    return table


def _file_order_table(report: EvaluationReport) -> Table:
    """Return the scores in the order of the file, a row for each system."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("in the order\nof the file", no_wrap=True)
    for title in _FIGURES.values():
        table.add_column(title.replace(" ", "\n", 1), justify="right", no_wrap=True)
    table.add_column("stories\nfound", justify="right", no_wrap=True)
    for name, scores in report.file_order.items():
        table.add_row(name, *(share(getattr(scores, figure)) for figure in _FIGURES), f"{scores.stories:,}")
    return table


def _merge_table(report: EvaluationReport) -> Table:
    """Return the merges of each order, and the worker's F1 without and with them."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("merges", "found", "wrong", "F1 without", "F1 with", "pairwise precision"):
        table.add_column(title, justify="left" if title == "merges" else "right", no_wrap=True)
    without = [report.file_order[WORKER]]
    without += [] if report.seeds == [None] else report.systems[WORKER]
    names = ["order of the file", *(f"seed {seed}" for seed in report.seeds)]
    for name, merges, scores in zip(names, report.merges, without, strict=False):
        figures = (scores.b3_f1, merges.applied.b3_f1, merges.applied.pair_p)
        table.add_row(name, f"{merges.merges:,}", f"{merges.wrong:,}", *map(share, figures))
    return table


def _story_counts(report: EvaluationReport, has_spread: bool) -> Iterator[str]:
    for name, scores in report.systems.items():
        counts = [run.stories for run in scores]
        yield f"{sum(counts) / len(counts):,.0f}"
        if name == WORKER and has_spread:
            yield from (f"{max(counts):,}", f"{max(counts) - min(counts):,}")


def _order_name(report: EvaluationReport) -> str:
    seed = report.seeds[report.worst_order]
    return "in the order of the file" if seed is None else f"in the worst order (seed {seed})"


def _story_lines(errors: StoryErrors) -> Iterator[Text]:
    score = errors.score
    yield Text()
    yield Text.assemble(
        (one_line(score.story, MAX_TITLE), "bold"),
        f": {score.articles} articles, found as {score.pieces} {'story' if score.pieces == 1 else 'stories'}, "
        f"precision {share(score.precision)}, recall {share(score.recall)}",
    )
    for split in errors.splits:
        yield from _split_lines(split)
    for join in errors.joins:
        yield from _join_lines(join)
    if len(errors.joins) < errors.total_joins:
        yield Text(f"  and {errors.total_joins - len(errors.joins)} more wrong joins", style="dim")


def _split_lines(split: StorySplit) -> Iterator[Text]:
    matched = split.decision.matched_article_id
    decision = "founded a story" if matched is None else f"joined {matched}"
    yield Text.assemble(("  split   ", "yellow"), describe(split.article), f": {one_line(decision, MAX_TITLE)}")
    if split.nearest is None:
        yield Text(
            "          not comparable: the article, or all earlier ones of its story, have no prose", style="dim"
        )
    else:
        yield Text.assemble(
            "          nearest ", describe(split.nearest.article), f": {_comparison(split.nearest)}", style="dim"
        )


def _join_lines(join: WrongJoin) -> Iterator[Text]:
    yield Text.assemble(("  joined  ", "red"), describe(join.article))
    yield Text.assemble("          with ", describe(join.matched), f": {_match(join.decision)}", style="dim")


def _comparison(nearest: NearestArticle) -> str:
    if nearest.comparison is None:
        return f"{nearest.bands} bands shared, no hash of the sketches shared"
    comparison = nearest.comparison
    verdict = "below the threshold for the same source" if nearest.same_source else "below the threshold"
    if nearest.is_enough:
        verdict = "above the threshold, but it was no candidate or another story matched better"
    return (
        f"{nearest.bands} bands shared, similarity {share(comparison.similarity)}, "
        f"containment {share(comparison.containment)}, "
        f"copied {share(comparison.copied)} in {comparison.hashes} hashes: {verdict}"
    )


def _match(decision: Decision) -> str:
    kind = decision.kind.value if decision.kind else "new"
    return f"{kind}, similarity {share(decision.similarity or 0)}, containment {share(decision.containment or 0)}"


def _errors_json(errors: StoryErrors) -> dict[str, Any]:
    return {
        **asdict(errors.score),
        "splits": [_split_json(split) for split in errors.splits],
        "joins": [
            {"article": article_json(join.article), "matched": article_json(join.matched)}
            | _decision_json(join.decision)
            for join in errors.joins
        ],
        "all_joins": errors.total_joins,
    }


def _split_json(split: StorySplit) -> dict[str, Any]:
    nearest = split.nearest
    nearest_json = nearest and {
        "article": article_json(nearest.article),
        "bands": nearest.bands,
        "same_source": nearest.same_source,
        "is_enough": nearest.is_enough,
        "comparison": asdict(nearest.comparison) if nearest.comparison else None,
    }
    return {"article": article_json(split.article), "nearest": nearest_json} | _decision_json(split.decision)


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "type": decision.type.value,
        "kind": decision.kind and decision.kind.value,
        "matched_article_id": decision.matched_article_id,
        "similarity": decision.similarity,
        "containment": decision.containment,
    }
