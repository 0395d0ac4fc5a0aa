"""An evaluation as one value, as JSON, and as tables for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reprise.evaluation.error_analysis import Join, Mistakes, Nearest, Split
from reprise.evaluation.labels import LabelledArticle
from reprise.evaluation.scores import Scores, over_orders
from reprise.model import Decision
from reprise.sanitize import one_line

#: The name of the worker's own column.
OWN: Final = "reprise"

#: The figures in the order of the table, with what they are called there.
_FIGURES: Final = {
    "b3_p": "B-cubed precision",
    "b3_r": "B-cubed recall",
    "b3_f1": "B-cubed F1",
    "pair_p": "pairwise precision",
    "pair_r": "pairwise recall",
    "pair_f1": "pairwise F1",
}

#: Characters of a title and of an id that are shown.
_TITLE: Final = 60
_ID: Final = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What an evaluation found.

    seeds     one an order; None is the file's own order
    systems   by column (the worker's first), the scores of each order
    worst     the costly stories of the order `worst_order`, an index into `seeds`
    unread    lines that were no articles
    """

    articles: int
    scored: int
    gold_stories: int
    unread: int
    seeds: Sequence[int | None]
    systems: Mapping[str, Sequence[Scores]]
    worst_order: int
    worst: Sequence[Mistakes]


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain values, for machines."""
    return {
        "articles": report.articles,
        "scored": report.scored,
        "gold_stories": report.gold_stories,
        "unread": report.unread,
        "seeds": list(report.seeds),
        "systems": {
            name: {
                "orders": [asdict(each) for each in scores],
                "over_orders": {figure: asdict(spread) for figure, spread in over_orders(scores).items()},
            }
            for name, scores in report.systems.items()
        },
        "worst_order": report.worst_order,
        "worst_stories": [_mistakes_json(each) for each in report.worst],
    }


def to_terminal(report: Report) -> RenderableType:
    """The report for people."""
    parts: list[RenderableType] = [_heading(report), _figures(report)]
    if report.worst:
        parts += [Text(), Text(f"The stories that cost the most, {_order_name(report)}", style="bold")]
        parts += [line for each in report.worst for line in _story(each)]
    return Group(*parts)


def _heading(report: Report) -> Text:
    ran = "the file's order" if report.seeds == [None] else f"{len(report.seeds)} random orders"
    unread = f"; lines that are no articles: {report.unread:,}" if report.unread else ""
    return Text(
        f"{report.articles:,} articles, {report.scored:,} scored, of {report.gold_stories:,} stories; {ran}{unread}"
    )


def _figures(report: Report) -> Table:
    """The worker's figures with their spread, the others' means: all of theirs are in the JSON."""
    several = len(report.seeds) > 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for name in report.systems:
        table.add_column(name.replace(" ", "\n", 1), justify="right", no_wrap=True)
        if name == OWN and several:
            table.add_column("worst", justify="right", no_wrap=True)
            table.add_column("spread", justify="right", no_wrap=True)
    spreads = {name: over_orders(scores) for name, scores in report.systems.items()}
    for figure, called in _FIGURES.items():
        row = [called]
        for name, each in spreads.items():
            row.append(_share(each[figure].mean))
            row += [_share(each[figure].worst), _share(each[figure].spread)] if name == OWN and several else []
        table.add_row(*row, style="bold" if figure.endswith("f1") else None)
    table.add_row("stories found", *_counts(report, several))
    return table


def _counts(report: Report, several: bool) -> Iterator[str]:
    for name, scores in report.systems.items():
        found = [each.stories for each in scores]
        yield f"{sum(found) / len(found):,.0f}"
        if name == OWN and several:
            yield from (f"{max(found):,}", f"{max(found) - min(found):,}")


def _order_name(report: Report) -> str:
    seed = report.seeds[report.worst_order]
    return "in the file's order" if seed is None else f"in the worst order (seed {seed})"


def _story(mistakes: Mistakes) -> Iterator[Text]:
    score = mistakes.score
    yield Text()
    yield Text.assemble(
        (one_line(score.story, _TITLE), "bold"),
        f": {score.articles} articles in {score.pieces} {'piece' if score.pieces == 1 else 'pieces'}, "
        f"precision {_share(score.precision)}, recall {_share(score.recall)}",
    )
    for split in mistakes.splits:
        yield from _split(split)
    for join in mistakes.joins:
        yield from _join(join)
    if len(mistakes.joins) < mistakes.all_joins:
        yield Text(f"  and {mistakes.all_joins - len(mistakes.joins)} more wrong matches", style="dim")


def _split(split: Split) -> Iterator[Text]:
    how = (
        "founded a story"
        if split.decision.matched_article_id is None
        else f"joined {split.decision.matched_article_id}"
    )
    yield Text.assemble(("  split   ", "yellow"), _named(split.article), f": {one_line(how, _TITLE)}")
    if split.nearest is None:
        yield Text("          it, or all of its story before it, has nothing that reads like prose", style="dim")
    else:
        yield Text.assemble(
            "          nearest ", _named(split.nearest.article), f": {_seen(split.nearest)}", style="dim"
        )


def _join(join: Join) -> Iterator[Text]:
    yield Text.assemble(("  joined  ", "red"), _named(join.article))
    yield Text.assemble("          with ", _named(join.matched), f": {_alike(join.decision)}", style="dim")


def _named(article: LabelledArticle) -> Text:
    parts = [one_line(article.article_id, _ID)]
    if article.title:
        parts.append(f"“{one_line(article.title, _TITLE)}”")
    if article.source:
        parts.append(f"({one_line(article.source, _ID)})")
    return Text(" ".join(parts))


def _seen(near: Nearest) -> str:
    if near.comparison is None:
        return f"{near.bands} bands shared, their samples share nothing"
    found = near.comparison
    verdict = "too little for one source" if near.same_source else "too little"
    if near.is_enough:
        verdict = "enough, but it was no candidate or another story won"
    return (
        f"{near.bands} bands shared, similarity {_share(found.similarity)}, containment {_share(found.containment)}, "
        f"copied {_share(found.copied)} in {found.hashes} hashes: {verdict}"
    )


def _alike(decision: Decision) -> str:
    kind = decision.kind.value if decision.kind else "new"
    return f"{kind}, similarity {_share(decision.similarity or 0)}, containment {_share(decision.containment or 0)}"


def _share(value: float) -> str:
    return f"{value:.3f}"


def _mistakes_json(mistakes: Mistakes) -> dict[str, Any]:
    return {
        **asdict(mistakes.score),
        "splits": [_split_json(each) for each in mistakes.splits],
        "joins": [
            {"article": _article_json(each.article), "matched": _article_json(each.matched)}
            | _decision_json(each.decision)
            for each in mistakes.joins
        ],
        "all_joins": mistakes.all_joins,
    }


def _split_json(split: Split) -> dict[str, Any]:
    near = split.nearest
    nearest = near and {
        "article": _article_json(near.article),
        "bands": near.bands,
        "same_source": near.same_source,
        "is_enough": near.is_enough,
        "comparison": asdict(near.comparison) if near.comparison else None,
    }
    return {"article": _article_json(split.article), "nearest": nearest} | _decision_json(split.decision)


def _decision_json(decision: Decision) -> dict[str, Any]:
    return {
        "type": decision.type.value,
        "kind": decision.kind and decision.kind.value,
        "matched_article_id": decision.matched_article_id,
        "similarity": decision.similarity,
        "containment": decision.containment,
    }


def _article_json(article: LabelledArticle) -> dict[str, Any]:
    return {
        "id": article.article_id,
        "line": article.line,
        "title": article.title,
        "source": article.source,
        "story": article.label,
    }
