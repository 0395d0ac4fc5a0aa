"""The terminal report of an explanation: summary, values, kept segments, and shared passages side by side.

Without colours a passage is marked by `[1|` and `|1]`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reprise.explanation.analysis import Explanation, SharedPassage
from reprise.explanation.dissection import DissectedArticle, Segment
from reprise.explanation.verdict import PairVerdict, format_count, format_percent
from reprise.sanitize import make_printable, one_line

#: Maximum characters of a title, of an id or source, and of the excerpt of a segment.
_MAX_TITLE_CHARACTERS: Final = 70
_MAX_ID_CHARACTERS: Final = 70
_MAX_EXCERPT_CHARACTERS: Final = 60

#: Styles of consecutive passages. The number after a passage identifies it without colours.
_PASSAGE_STYLES: Final = ("black on yellow", "black on cyan", "black on green", "black on magenta")

#: Separates two sentences of a cell that are not consecutive.
_OMISSION: Final = " […] "


def to_terminal(explanation: Explanation, *, colours: bool) -> RenderableType:
    """Return the report as a rich renderable."""
    verdict = explanation.verdict
    return Group(
        Text("A  ").append_text(_title(explanation.a)),
        Text("B  ").append_text(_title(explanation.b)),
        Text(),
        Text(verdict.summary, style="bold green" if verdict.joins else "bold yellow"),
        *map(Text, notes(explanation)),
        Text(),
        _value_table(explanation),
        Text(),
        _criteria_table(verdict),
        Text(),
        _segment_table(explanation),
        Text(),
        *_passage_table(explanation, colours),
    )


def notes(explanation: Explanation) -> Iterator[str]:
    """Yield the sentences after the summary: other order, indexing, same source."""
    verdict, reverse, rule = explanation.verdict, explanation.reverse, explanation.rule
    if reverse.joins != verdict.joins:
        yield f"In the other order, A after B: {_swap_names(reverse.summary)}"
    if verdict.joins and verdict.estimate and verdict.estimate.similarity >= rule.index_below_similarity:
        bound = format_percent(rule.index_below_similarity)
        yield f"B would not be indexed, because its similarity to A is at least {bound}."
    if verdict.same_source:
        yield "A and B have the same source, so the threshold for pages with shared boilerplate applies."


def _swap_names(summary: str) -> str:
    """Swap the names A and B in the summary of the reverse verdict."""
    return summary.translate(str.maketrans("AB", "BA"))


def value_rows(explanation: Explanation) -> Iterator[tuple[str, str, str]]:
    """Yield rows of (name, estimate, exact value)."""
    comparisons = (explanation.verdict.estimate, explanation.verdict.exact)
    for name, field in (
        ("similarity (Jaccard)", "similarity"),
        ("containment of the smaller text", "containment"),
        ("containment in copied sentences", "copied"),
    ):
        estimate, exact = (format_percent(getattr(each, field) if each else 0) for each in comparisons)
        yield name, estimate, exact
    for name, field in (("shingles in copied sentences", "hashes"), ("words in copied sentences", "words")):
        estimate, exact = (f"{getattr(each, field) if each else 0:.0f}" for each in comparisons)
        yield name, estimate, exact
    shingles_a, shingles_b = (len(article.distinct_shingles()) for article in (explanation.a, explanation.b))
    yield "distinct shingles of A and B", "", f"{shingles_a:,} and {shingles_b:,}"
    yield "shared LSH bands", f"{explanation.verdict.shared_bands} of {explanation.rule.permutations}", ""


def _value_table(explanation: Explanation) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("estimate", justify="right", no_wrap=True)
    table.add_column("exact", justify="right", no_wrap=True)
    for row in value_rows(explanation):
        table.add_row(*row)
    return table


def _criteria_table(verdict: PairVerdict) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("requirement", "value", "met"):
        table.add_column(heading, no_wrap=True)
    for criterion in verdict.criteria:
        met = Text("yes", style="green") if criterion.is_met else Text("no", style="yellow")
        table.add_row(Text(criterion.requirement), criterion.actual, met)
    return table


def _segment_table(explanation: Explanation) -> Table:
    table = _two_columns()
    articles = (explanation.a, explanation.b)
    table.add_row(*(Text(describe_kept(article), style="bold") for article in articles))
    table.add_row(*(Group(*_segment_lines(article)) for article in articles))
    return table


def describe_kept(article: DissectedArticle) -> str:
    """Return the number of kept segments and words in one line."""
    kept = sum(segment.kept for segment in article.segments)
    words = f"{article.kept_word_count:,.0f} of {article.word_count:,.0f} words"
    reason = "; lines that are no prose by themselves are kept, because little else is" if article.kept_together else ""
    return f"kept {kept} of {format_count(len(article.segments), 'segment')}, {words}{reason}"


def _segment_lines(article: DissectedArticle) -> Iterator[Text]:
    """Yield a line for each kept segment, and one for consecutive segments that are dropped for the same reason.

    The terminal truncates each line at the width of its column.
    """
    for line in _segment_texts(article):
        line.no_wrap, line.overflow = True, "ellipsis"
        yield line


def _segment_texts(article: DissectedArticle) -> Iterator[Text]:
    for kept, group in groupby(article.segments, key=lambda segment: segment.kept or segment.status):
        segments = list(group)
        if kept is True:
            for segment in segments:
                yield Text.assemble(("+ ", "green"), _excerpt(article, segment))
        else:
            count = f" ({len(segments)})" if len(segments) > 1 else ""
            excerpts = " · ".join(_excerpt(article, segment) for segment in segments[:3])
            yield Text.assemble(
                (f"- {segments[0].status.value}{count}: ", "yellow"),
                one_line(excerpts, _MAX_EXCERPT_CHARACTERS),
                style="dim",
            )


def _excerpt(article: DissectedArticle, segment: Segment) -> str:
    return one_line(article.text[segment.start : segment.end], _MAX_EXCERPT_CHARACTERS)


def _passage_table(explanation: Explanation, colours: bool) -> Iterator[RenderableType]:
    copied = explanation.copied_passages
    others = len(explanation.passages) - len(copied)
    more = f"; {others:,} more in other sentences, not counted" if others else ""
    yield Text(f"{format_count(len(copied), 'shared passage')} in copied sentences{more}", style="bold")
    rows = _two_columns(row_gap=1)
    for passages in _group_by_segment(explanation, copied):
        rows.add_row(_cell(explanation.a, passages, "a", colours), _cell(explanation.b, passages, "b", colours))
    if copied:
        yield rows


def _two_columns(*, row_gap: int = 0) -> Table:
    table = Table(box=None, show_header=False, expand=True, pad_edge=False, padding=(0, 2, row_gap, 0))
    table.add_column(ratio=1, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    return table


def _group_by_segment(explanation: Explanation, passages: Sequence[SharedPassage]) -> Iterator[Sequence[SharedPassage]]:
    """Yield the passages of each segment of B."""
    groups: defaultdict[int, list[SharedPassage]] = defaultdict(list)
    for passage in passages:
        groups[int(explanation.b.tokens.segments[passage.run.b])].append(passage)
    yield from groups.values()


def _cell(article: DissectedArticle, passages: Sequence[SharedPassage], side: str, colours: bool) -> Text:
    """Return the sentences of an article that contain the passages, with the passages marked."""
    ranges = _sentence_ranges(article, passages, side)
    return Text(_OMISSION).join(_mark_passages(article, passages, side, each, colours) for each in ranges)


def _sentence_ranges(
    article: DissectedArticle, passages: Sequence[SharedPassage], side: str
) -> Sequence[tuple[int, int]]:
    """Return the ranges of the passages' sentences; consecutive sentences share one range."""
    ranges = {
        article.sentence_range(token)
        for passage in passages
        for token in range(getattr(passage.run, side), getattr(passage.run, side) + passage.run.length)
    }
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and not article.text[merged[-1][1] : start].strip():
            start = merged.pop()[0]  # noqa: PLW2901
        merged.append((start, end))
    return merged


def _mark_passages(
    article: DissectedArticle, passages: Sequence[SharedPassage], side: str, within: tuple[int, int], colours: bool
) -> Text:
    """Return a range of the text with its passages marked."""
    text = Text()
    at, range_end = within
    for passage in sorted(passages, key=lambda passage: getattr(passage, side)):
        start, end = getattr(passage, side)
        start, end = max(start, at), min(end, range_end)
        if start >= end:
            continue
        text.append(_on_one_line(article.text[at:start]))
        marked = _on_one_line(article.text[start:end])
        number = passage.number or 0
        if colours:
            text.append(marked, style=_PASSAGE_STYLES[number % len(_PASSAGE_STYLES)])
            text.append(f"{number}", style="dim")
        else:
            text.append(f"[{number}|{marked}|{number}]")
        at = end
    return text.append(_on_one_line(article.text[at:range_end]))


def _on_one_line(text: str) -> str:
    return make_printable(text).replace("\n", " ").replace("\t", " ")


def _title(dissected: DissectedArticle) -> Text:
    article = dissected.article
    parts = [one_line(article.title, _MAX_TITLE_CHARACTERS)] if article.title else []
    parts += [one_line(article.source, _MAX_ID_CHARACTERS)] if article.source else []
    text = Text(one_line(article.article_id, _MAX_ID_CHARACTERS), style="bold")
    return text.append("  " + ", ".join(parts), style="not bold") if parts else text
