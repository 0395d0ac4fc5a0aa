"""The HTML report of an explanation: one self-contained page without scripts, fonts or images.

All text of the articles is escaped, and a Content-Security-Policy forbids the page to load or run anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import groupby
from typing import Final, Literal

from reprise import __version__
from reprise.explanation.analysis import Explanation, SharedPassage
from reprise.explanation.dissection import DissectedArticle, Segment
from reprise.explanation.terminal_report import describe_kept, notes, value_rows
from reprise.explanation.verdict import format_count
from reprise.sanitize import make_printable, one_line

Side = Literal["a", "b"]

#: Number of colours of passages; report.css defines them as the classes c0 to c5.
_PASSAGE_COLOURS: Final = 6

#: Width of the passage map in SVG units.
_MAP_WIDTH: Final = 1000

_MAX_TITLE_CHARACTERS: Final = 160

_CONTENT_SECURITY_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def to_html(explanation: Explanation) -> str:
    """Return the report as an HTML document."""
    style = (files(__package__) / "report.css").read_text("utf-8")
    title = f"{_title(explanation.a)} / {_title(explanation.b)}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_CONTENT_SECURITY_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{_escape(title)}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            *_summary(explanation),
            *_map(explanation),
            '<main class="articles">',
            *_article(explanation.a, "a", explanation.passages),
            *_article(explanation.b, "b", explanation.passages),
            "</main>",
            *_legend(explanation),
            "</body>",
            "</html>",
            "",
        ]
    )


def _summary(explanation: Explanation) -> Iterator[str]:
    verdict = explanation.verdict
    yield f'<header class="{"variant" if verdict.joins else "new"}">'
    yield f'<p class="outcome">{escape(verdict.outcome.value)}</p>'
    yield f"<h1>{_escape(verdict.summary)}</h1>"
    yield from (f"<p>{_escape(note)}</p>" for note in notes(explanation))
    yield "</header>"
    yield '<section class="values">'
    yield "<table><thead><tr><th></th><th>estimate</th><th>exact</th></tr></thead><tbody>"
    for name, estimate, exact in value_rows(explanation):
        yield f'<tr><th scope="row">{escape(name)}</th><td>{escape(estimate)}</td><td>{escape(exact)}</td></tr>'
    yield "</tbody></table>"
    yield "<table><thead><tr><th>requirement</th><th>value</th><th>met</th></tr></thead><tbody>"
    for criterion in verdict.criteria:
        met = "yes" if criterion.is_met else "no"
        requirement = f'<th scope="row">{escape(criterion.requirement.strip())}</th>'
        yield f'<tr>{requirement}<td>{escape(criterion.actual)}</td><td class="{met}">{met}</td></tr>'
    yield "</tbody></table>"
    yield "</section>"


def _map(explanation: Explanation) -> Iterator[str]:
    """Draw both texts as bars, with the kept segments darker, and a ribbon for each copied passage."""
    lengths = {"a": max(1, len(explanation.a.text)), "b": max(1, len(explanation.b.text))}
    yield f'<svg class="map" viewBox="0 0 {_MAP_WIDTH} 90" preserveAspectRatio="none" role="img">'
    yield "<title>Positions of the shared passages: A above, B below</title>"
    for article, top, side in ((explanation.a, 0, "a"), (explanation.b, 74, "b")):
        yield f'<rect class="text" x="0" y="{top}" width="{_MAP_WIDTH}" height="16"/>'
        for segment in article.segments:
            if segment.kept:
                x, end = (_map_x(offset, lengths[side]) for offset in (segment.start, segment.end))
                yield f'<rect class="kept" x="{x}" y="{top}" width="{end - x:.1f}" height="16"/>'
    for passage in explanation.copied_passages:
        a, b = ([_map_x(offset, lengths[side]) for offset in getattr(passage, side)] for side in ("a", "b"))
        yield (
            f'<a href="#b{passage.number}"><polygon class="{_colour(passage)}" '
            f'points="{a[0]},0 {a[1]},0 {a[1]},16 {b[1]},74 {b[1]},90 {b[0]},90 {b[0]},74 {a[0]},16"/></a>'
        )
    yield "</svg>"


def _map_x(offset: int, length: int) -> float:
    return round(offset * _MAP_WIDTH / length, 1)


def _article(dissected: DissectedArticle, side: Side, passages: Sequence[SharedPassage]) -> Iterator[str]:
    article = dissected.article
    lang = f' lang="{escape(article.lang)}"' if article.lang else ""
    yield f'<article aria-label="{side.upper()}">'
    title = f'<span dir="auto"{lang}>{_escape(_title(dissected))}</span>'
    yield f'<h2><span class="side">{side.upper()}</span> {title}</h2>'
    values = (article.source, article.published_at, article.title and article.article_id)
    details = [value for value in values if value]
    lines = " · ".join(f"<bdi>{_escape(one_line(detail, _MAX_TITLE_CHARACTERS))}</bdi>" for detail in details)
    yield f'<p class="details">{lines}</p>'
    yield f'<p class="details">{escape(describe_kept(dissected))}</p>'
    spans = sorted(_spans(passages, side), key=lambda span: span.start)
    for kept, group in groupby(dissected.segments, key=lambda segment: segment.kept):
        if kept:
            for segment in group:
                yield f'<p class="kept" dir="auto"{lang}>{_mark_passages(dissected, segment, spans)}</p>'
        else:
            yield from _dropped(dissected, list(group), lang)
    yield "</article>"


def _dropped(dissected: DissectedArticle, segments: Sequence[Segment], lang: str) -> Iterator[str]:
    """Yield a block for consecutive segments that are dropped for the same reason."""
    for status, group in groupby(segments, key=lambda segment: segment.status):
        texts = [dissected.text[segment.start : segment.end] for segment in group]
        lines = "<br>".join(_escape(text) for text in texts)
        count = f" ({len(texts)})" if len(texts) > 1 else ""
        reason = f'<span class="reason">{escape(status.value)}{count}</span>'
        yield f'<div class="dropped">{reason}<p dir="auto"{lang}>{lines}</p></div>'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The range of a passage in one of the two texts, in characters."""

    start: int
    end: int
    passage: SharedPassage
    side: Side


def _spans(passages: Sequence[SharedPassage], side: Side) -> Iterator[_Span]:
    for passage in passages:
        start, end = passage.a if side == "a" else passage.b
        yield _Span(start=start, end=end, passage=passage, side=side)


def _mark_passages(dissected: DissectedArticle, segment: Segment, spans: Sequence[_Span]) -> str:
    """Return a segment with its passages marked. A passage never crosses a segment."""
    parts: list[str] = []
    at = segment.start
    for span in spans:
        # A character that normalises to several tokens may belong to two passages: it is marked in the first one.
        start, end = max(span.start, at), min(span.end, segment.end)
        if start < end:
            parts += [_escape(dissected.text[at:start]), _mark(span, dissected.text[start:end])]
            at = end
    return "".join([*parts, _escape(dissected.text[at : segment.end])])


def _mark(span: _Span, text: str) -> str:
    number = span.passage.number
    if number is None:
        return f'<span class="uncounted">{_escape(text)}</span>'
    other = "b" if span.side == "a" else "a"
    return (
        f'<a class="mark {_colour(span.passage)}" id="{span.side}{number}" href="#{other}{number}">'
        f"<mark>{_escape(text)}</mark><sup>{number}</sup></a>"
    )


def _colour(passage: SharedPassage) -> str:
    return f"c{(passage.number or 0) % _PASSAGE_COLOURS}"


def _legend(explanation: Explanation) -> Iterator[str]:
    passages = format_count(len(explanation.copied_passages), "shared passage")
    yield '<footer class="legend">'
    yield (
        f"<p>{escape(passages)} in copied sentences. A passage has the same colour and number on both sides, and links "
        'to its counterpart. <span class="uncounted">Dotted underline</span>: shared words in other sentences; they '
        "are not counted as copied. Grey: text that was dropped before the comparison, with the reason.</p>"
    )
    yield f"<p>reprise {escape(__version__)}</p>"
    yield "</footer>"


def _title(dissected: DissectedArticle) -> str:
    return one_line(dissected.article.title or dissected.article.article_id, _MAX_TITLE_CHARACTERS)


def _escape(text: str) -> str:
    return escape(make_printable(text))
