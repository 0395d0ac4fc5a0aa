"""Render the scores by shared text: as JSON and for a terminal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reprise.evaluation.labels import LabelledArticle
from reprise.evaluation.report_parts import article_json, describe, share
from reprise.evaluation.shared_text_scores import (
    CopiedPairs,
    Join,
    LargeStory,
    RecallByContainment,
    SharedTextScores,
)
from reprise.evaluation.story_merges import MergeInRun

#: Style of a join whose shared text does not count as copied.
_WEAK: Final = "yellow"

#: Rows of the table: shares, and counts, of which the worst is the greatest.
_SHARES: Final[Mapping[str, Callable[[SharedTextScores], CopiedPairs]]] = {
    "pairs in stories with copied text": lambda scores: scores.story_pairs,
    "joins with copied text": lambda scores: scores.joins,
}
_COUNTS: Final[Mapping[str, Callable[[SharedTextScores], int]]] = {
    "pairs in stories": lambda scores: scores.story_pairs.pairs,
    "joins": lambda scores: scores.joins.pairs,
    "stories": lambda scores: scores.stories,
    "articles of the largest story": lambda scores: scores.largest_articles,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedTextReport:
    """The results of an evaluation without labels.

    articles      decided articles
    rejected      lines that are no valid article
    max_texts     runs in more texts than this were ignored in the search for pairs
    ignored_runs  their number
    file_order    the scores in the order of the file
    merged        the same with all merges applied; None without merges
    merges        the merges in the order of the file
    shown_merges  maximum of merges that are listed
    random        the scores of each random order
    """

    articles: int
    rejected: int
    max_texts: int
    ignored_runs: int
    file_order: SharedTextScores
    merged: SharedTextScores | None
    merges: Sequence[MergeInRun]
    shown_merges: int
    random: Sequence[SharedTextScores]


def to_json(report: SharedTextReport) -> dict[str, Any]:
    """Return the report as JSON values."""
    return {
        "articles": report.articles,
        "unread": report.rejected,
        "pair_search": {"max_texts_of_run": report.max_texts, "ignored_runs": report.ignored_runs},
        "file_order": scores_json(report.file_order),
        "merges": {
            "count": len(report.merges),
            "applied": scores_json(report.merged) if report.merged else None,
            "first": [_merge_json(merge) for merge in report.merges[: report.shown_merges]],
        },
        "orders": [scores_json(scores) for scores in report.random],
    }


def scores_json(scores: SharedTextScores) -> dict[str, Any]:
    """Return the scores of one order as JSON values."""
    return {
        "seed": scores.seed,
        "stories": scores.stories,
        "variants": scores.variants,
        "largest": scores.largest_articles,
        "recall": recall_json(scores.recall),
        "joins": _copied_json(scores.joins),
        "story_pairs": _copied_json(scores.story_pairs),
        "largest_stories": [_story_json(story) for story in scores.largest],
    }


def recall_json(recall: Sequence[RecallByContainment]) -> list[dict[str, Any]]:
    """Return the recall by containment as JSON values."""
    return [asdict(each) | {"recall": each.recall if each.pairs else None} for each in recall]


def to_terminal(report: SharedTextReport) -> RenderableType:
    """Return the report as text and tables for a terminal."""
    parts: list[RenderableType] = [Text(_heading(report)), _figures(report)]
    if any(figure.pairs for figure in report.file_order.recall):
        parts += [Text(), recall_table(report.file_order.recall, [scores.recall for scores in report.random])]
    if report.ignored_runs:
        parts.append(
            Text(
                f"Pairs that share only runs of words which stand in more than {report.max_texts:,} texts are left out "
                f"of the recall: {report.ignored_runs:,} runs.",
                style="dim",
            )
        )
    if report.file_order.largest:
        parts += [Text(), Text("Largest stories, in the order of the file", style="bold")]
        parts += [line for story in report.file_order.largest for line in _story_lines(story)]
    if report.merges:
        parts += [Text(), *_merge_lines(report)]
    return Group(*parts)


def recall_table(file_order: Sequence[RecallByContainment], random: Sequence[Sequence[RecallByContainment]]) -> Table:
    """Return a table of the recall of each range of containment: in the file's order, and over random orders."""
    table = _order_table("recall of pairs with containment", has_random=bool(random))
    table.add_column("pairs", justify="right", no_wrap=True)
    for row, figure in enumerate(file_order):
        if figure.pairs:
            sources = "within one source" if figure.same_source else "across sources"
            table.add_row(
                f"{figure.lowest:.1f} to {figure.highest:.1f}, {sources}",
                *_share_cells(figure.recall, [recall[row].recall for recall in random]),
                f"{figure.pairs:,}",
            )
    return table


def _heading(report: SharedTextReport) -> str:
    rejected = f"; rejected lines: {report.rejected:,}" if report.rejected else ""
    orders = f" and in {len(report.random)} random orders" if report.random else ""
    return f"{report.articles:,} articles, decided in the order of the file{orders}{rejected}"


def _figures(report: SharedTextReport) -> Table:
    table = _order_table("", has_random=bool(report.random))
    for title, pairs_of in _SHARES.items():
        if (pairs := pairs_of(report.file_order)).compared:
            values = [pairs_of(scores).precision for scores in report.random]
            table.add_row(title, *_share_cells(pairs.precision, values), style="bold")
    for title, count_of in _COUNTS.items():
        counts = [count_of(scores) for scores in report.random]
        row = [f"{count_of(report.file_order):,}"]
        row += [f"{sum(counts) / len(counts):,.0f}", f"{max(counts):,}"] if counts else []
        table.add_row(title, *row)
    return table


def _order_table(title: str, *, has_random: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title, no_wrap=True)
    for name in ("file order", "mean", "worst") if has_random else ("file order",):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _share_cells(in_file_order: float, random: Sequence[float]) -> Iterator[str]:
    yield share(in_file_order)
    if random:
        yield from (share(sum(random) / len(random)), share(min(random)))


def _story_lines(story: LargeStory) -> Iterator[Text]:
    yield Text()
    sources = f" of {story.sources} {'source' if story.sources == 1 else 'sources'}" if story.sources else ""
    yield Text.assemble(
        (f"{story.articles:,} articles", "bold"),
        f"{sources}; {share(story.pairs.precision)} of their pairs have copied text ({story.story_id})",
    )
    for join in story.weakest:
        yield Text.assemble(("  joined  ", _WEAK if join.evidence < 1 else ""), describe(join.article))
        yield Text.assemble("          with ", describe(join.matched), style="dim")
        yield Text(f"          {_common(join)}", style="dim")


def _merge_lines(report: SharedTextReport) -> Iterator[Text]:
    if report.merged:
        yield Text.assemble(
            (f"{len(report.merges):,} merges", "bold"),
            f"; with all of them applied, {share(report.merged.story_pairs.precision)} of the pairs in stories have "
            f"copied text, and the largest story has {report.merged.largest_articles:,} articles",
        )
    for merge in report.merges[: report.shown_merges]:
        yield Text()
        yield Text.assemble("  merged  ", _describe_story(merge.younger))
        yield Text.assemble("    into  ", _describe_story(merge.older))
        yield Text.assemble("          shown by ", describe(merge.shown_by), style="dim")


def _describe_story(articles: Sequence[LabelledArticle]) -> Text:
    # The pages of a small story may all have moved to other stories, with other texts.
    if not articles:
        return Text("no articles any more")
    return Text.assemble(f"{len(articles):,} articles, the first: ", describe(articles[0]))


def _merge_json(merge: MergeInRun) -> dict[str, Any]:
    return asdict(merge.merge) | {
        "shown_by": article_json(merge.shown_by),
        "younger": {"articles": len(merge.younger), "first": [*map(article_json, merge.younger[:1])]},
        "older": {"articles": len(merge.older), "first": [*map(article_json, merge.older[:1])]},
    }


def _common(join: Join) -> str:
    words = f"{join.words:,} shared words, containment {share(join.containment)}"
    return words if join.evidence >= 1 else f"{words}: not enough to count as copied"


def _copied_json(pairs: CopiedPairs) -> dict[str, Any]:
    return asdict(pairs) | {"precision": pairs.precision if pairs.compared else None}


def _story_json(story: LargeStory) -> dict[str, Any]:
    return {
        "story_id": story.story_id,
        "articles": story.articles,
        "sources": story.sources,
        "pairs": _copied_json(story.pairs),
        "weakest_joins": [
            {
                "article": article_json(join.article),
                "matched": article_json(join.matched),
                "containment": join.containment,
                "shared_words": join.words,
            }
            for join in story.weakest
        ],
    }
