"""An explanation for a terminal: the verdict, the figures, what was kept of each, the shared passages side by side.

Where there are no colours, a passage stands between `[1|` and `|1]`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reprise.explanation.analysis import Explanation, Passage
from reprise.explanation.dissection import DissectedArticle, Segment
from reprise.explanation.verdict import PairVerdict, count, percent
from reprise.sanitize import make_printable, one_line

#: Characters of a title, of an id, and of a segment's beginning.
_TITLE: Final = 70
_ID: Final = 70
_BEGINNING: Final = 60

#: Styles of passages, so that neighbours differ; the number beside them says the same without colour.
_STYLES: Final = ("black on yellow", "black on cyan", "black on green", "black on magenta")

#: Stands between two sentences of a cell that do not follow each other.
_GAP: Final = " […] "


def to_terminal(found: Explanation, *, colours: bool) -> RenderableType:
    """The explanation as rich renders it."""
    return Group(
        Text("A  ").append_text(_named(found.a)),
        Text("B  ").append_text(_named(found.b)),
        Text(),
        Text(found.verdict.sentence, style="bold green" if found.verdict.joins else "bold yellow"),
        *map(Text, remarks(found)),
        Text(),
        _figures(found),
        Text(),
        _clauses(found.verdict),
        Text(),
        _segments(found),
        Text(),
        *_passages(found, colours),
    )


def _named(page: DissectedArticle) -> Text:
    article = page.article
    parts = [one_line(article.title, _TITLE)] if article.title else []
    parts += [one_line(article.source, _ID)] if article.source else []
    text = Text(one_line(article.article_id, _ID), style="bold")
    return text.append("  " + ", ".join(parts), style="not bold") if parts else text


def remarks(found: Explanation) -> Iterator[str]:
    """What is worth a sentence beside the verdict."""
    if found.reverse.joins != found.verdict.joins:
        yield f"Had B come first: {_turned(found.reverse.sentence)}"
    estimate = found.verdict.estimate
    if found.verdict.joins and estimate and estimate.similarity >= found.rule.novel:
        yield f"B would not be indexed: from {percent(found.rule.novel)} on, what it matches covers it."
    if found.verdict.same_source:
        yield "Both are of one source, and the threshold is that of pages that share boilerplate."


def _turned(sentence: str) -> str:
    """The other way round: the names A and B stand for each other's pages."""
    return sentence.translate(str.maketrans("AB", "BA"))


def _figures(found: Explanation) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    table.add_column("estimate", justify="right", no_wrap=True)
    table.add_column("exact", justify="right", no_wrap=True)
    for row in figures(found):
        table.add_row(*row)
    return table


def figures(found: Explanation) -> Iterator[tuple[str, str, str]]:
    """Rows of (name, estimate, exact value)."""
    estimate, exact = found.verdict.estimate, found.verdict.exact
    for name, field in (
        ("similarity (Jaccard)", "similarity"),
        ("containment of the smaller text", "containment"),
        ("of it in copied sentences", "copied"),
    ):
        found_here = [percent(getattr(each, field) if each else 0) for each in (estimate, exact)]
        yield name, found_here[0], found_here[1]
    for name, field in (("its shingles, sampled and all", "hashes"), ("words in them", "words")):
        found_here = [f"{getattr(each, field) if each else 0:.0f}" for each in (estimate, exact)]
        yield name, found_here[0], found_here[1]
    sizes = [len(page.shingles()) for page in (found.a, found.b)]
    yield "distinct shingles, A and B", "", f"{sizes[0]:,} and {sizes[1]:,}"
    yield "bands shared", f"{found.verdict.bands} of {found.rule.permutations}", ""


def _clauses(verdict: PairVerdict) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("the threshold applied", "found", ""):
        table.add_column(heading, no_wrap=True)
    for clause in verdict.clauses:
        table.add_row(
            Text(clause.demand), clause.found, Text("yes" if clause.holds else "no", style=_judged(clause.holds))
        )
    return table


def _judged(holds: bool) -> str:
    return "green" if holds else "yellow"


def _segments(found: Explanation) -> Table:
    table = _side_by_side()
    table.add_row(*(Text(kept_in_words(page), style="bold") for page in (found.a, found.b)))
    table.add_row(*(Group(*_segment_lines(page)) for page in (found.a, found.b)))
    return table


def kept_in_words(page: DissectedArticle) -> str:
    """How much of a page was kept, in one line."""
    kept = sum(segment.kept for segment in page.segments)
    words = f"{page.kept_words:,.0f} of {page.words:,.0f} words"
    why = "; none alone is prose, all together are" if page.whole else ""
    return f"kept {kept} of {count(len(page.segments), 'segment')}, {words}{why}"


def _segment_lines(page: DissectedArticle) -> Iterator[Text]:
    for line in _segment_texts(page):
        line.no_wrap, line.overflow = True, "ellipsis"
        yield line


def _segment_texts(page: DissectedArticle) -> Iterator[Text]:
    """A line for each kept segment, and one for each row of dropped ones with the same reason; cut where it is full."""
    for kept, group in groupby(page.segments, key=lambda segment: segment.kept or segment.fate):
        segments = list(group)
        if kept is True:
            for segment in segments:
                yield Text.assemble(("+ ", "green"), _beginning(page, segment))
        else:
            many = f" ({len(segments)})" if len(segments) > 1 else ""
            shown = " · ".join(_beginning(page, segment) for segment in segments[:3])
            yield Text.assemble(
                (f"- {segments[0].fate.value}{many}: ", "yellow"), one_line(shown, _BEGINNING), style="dim"
            )


def _beginning(page: DissectedArticle, segment: Segment) -> str:
    return one_line(page.text[segment.begin : segment.end], _BEGINNING)


def _passages(found: Explanation, colours: bool) -> Iterator[RenderableType]:
    shown = found.evidence
    others = len(found.passages) - len(shown)
    also = f"; {others:,} more in sentences that differ otherwise, which do not count" if others else ""
    yield Text(f"{count(len(shown), 'shared passage')} in copied sentences{also}", style="bold")
    rows = _side_by_side(lines=True)
    for group in _by_paragraph(found, shown):
        rows.add_row(_cell(found.a, group, "a", colours), _cell(found.b, group, "b", colours))
    if shown:
        yield rows


def _side_by_side(*, lines: bool = False) -> Table:
    table = Table(box=None, show_header=False, expand=True, pad_edge=False, padding=(0, 2, 1 if lines else 0, 0))
    table.add_column(ratio=1, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    return table


def _by_paragraph(found: Explanation, passages: Sequence[Passage]) -> Iterator[Sequence[Passage]]:
    """The passages of one segment of B together."""
    groups: defaultdict[int, list[Passage]] = defaultdict(list)
    for passage in passages:
        groups[int(found.b.tokens.segments[passage.run.b])].append(passage)
    yield from groups.values()


def _cell(page: DissectedArticle, passages: Sequence[Passage], side: str, colours: bool) -> Text:
    """The sentences of a page that hold these passages, the passages marked."""
    ranges = _sentences(page, passages, side)
    return Text(_GAP).join(_marked(page, passages, side, each, colours) for each in ranges)


def _sentences(page: DissectedArticle, passages: Sequence[Passage], side: str) -> Sequence[tuple[int, int]]:
    """Where these passages' sentences stand, those that follow each other as one."""
    ranges = {
        page.sentence_range(token)
        for passage in passages
        for token in range(getattr(passage.run, side), getattr(passage.run, side) + passage.run.tokens)
    }
    joined: list[tuple[int, int]] = []
    for begin, end in sorted(ranges):
        if joined and not page.text[joined[-1][1] : begin].strip():
            begin = joined.pop()[0]  # noqa: PLW2901
        joined.append((begin, end))
    return joined


def _marked(
    page: DissectedArticle, passages: Sequence[Passage], side: str, within: tuple[int, int], colours: bool
) -> Text:
    """A run of sentences with its passages marked."""
    text = Text()
    at, end = within
    for passage in sorted(passages, key=lambda each: getattr(each, side)):
        first, last = getattr(passage, side)
        first, last = max(first, at), min(last, end)
        if first >= last:
            continue
        text.append(_inline(page.text[at:first]))
        marked = _inline(page.text[first:last])
        number = passage.number or 0
        if colours:
            text.append(marked, style=_STYLES[number % len(_STYLES)])
            text.append(f"{number}", style="dim")
        else:
            text.append(f"[{number}|{marked}|{number}]")
        at = last
    return text.append(_inline(page.text[at:end]))


def _inline(text: str) -> str:
    return make_printable(text).replace("\n", " ").replace("\t", " ")
