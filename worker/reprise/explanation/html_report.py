"""An explanation as one HTML page that needs nothing else: no script, no font, no picture from elsewhere.

Everything that comes from an article is escaped, and the page forbids itself to load or run anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from itertools import groupby
from typing import Final, Literal

from reprise import __version__
from reprise.explanation.analysis import Explanation, Passage
from reprise.explanation.dissection import DissectedArticle, Segment
from reprise.explanation.terminal_report import figures, kept_in_words, remarks
from reprise.explanation.verdict import count
from reprise.sanitize import make_printable, one_line

Side = Literal["a", "b"]

#: Passages have so many colours in turn; page.css names them.
_COLOURS: Final = 6

#: Units of the map from one end to the other.
_WIDTH: Final = 1000

#: Characters of a title.
_TITLE: Final = 160

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def to_html(found: Explanation) -> str:
    """The whole page."""
    style = (files(__package__) / "page.css").read_text("utf-8")
    title = f"{_title(found.a)} / {_title(found.b)}"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{_escaped(title)}</title>",
            f"<style>\n{style}</style>",
            "</head>",
            "<body>",
            *_summary(found),
            *_map(found),
            '<main class="pages">',
            *_page(found.a, "a", found.passages),
            *_page(found.b, "b", found.passages),
            "</main>",
            *_legend(found),
            "</body>",
            "</html>",
            "",
        ]
    )


def _summary(found: Explanation) -> Iterator[str]:
    verdict = found.verdict
    yield f'<header class="{"joins" if verdict.joins else "apart"}">'
    yield f'<p class="outcome">{escape(verdict.outcome.value)}</p>'
    yield f"<h1>{_escaped(verdict.sentence)}</h1>"
    yield from (f"<p>{_escaped(remark)}</p>" for remark in remarks(found))
    yield "</header>"
    yield '<section class="figures">'
    yield "<table><thead><tr><th></th><th>estimate</th><th>exact</th></tr></thead><tbody>"
    for name, estimate, exact in figures(found):
        yield f'<tr><th scope="row">{escape(name)}</th><td>{escape(estimate)}</td><td>{escape(exact)}</td></tr>'
    yield "</tbody></table>"
    yield "<table><thead><tr><th>the threshold applied</th><th>found</th><th></th></tr></thead><tbody>"
    for clause in verdict.clauses:
        holds = "yes" if clause.holds else "no"
        demand = f'<th scope="row">{escape(clause.demand.strip())}</th>'
        yield f'<tr>{demand}<td>{escape(clause.found)}</td><td class="{holds}">{holds}</td></tr>'
    yield "</tbody></table>"
    yield "</section>"


def _map(found: Explanation) -> Iterator[str]:
    """Both texts as bars, kept parts solid, and a ribbon for each passage that counts."""
    lengths = {"a": max(1, len(found.a.text)), "b": max(1, len(found.b.text))}
    yield f'<svg class="map" viewBox="0 0 {_WIDTH} 90" preserveAspectRatio="none" role="img">'
    yield "<title>Where the shared passages stand: A above, B below</title>"
    for page, top, side in ((found.a, 0, "a"), (found.b, 74, "b")):
        yield f'<rect class="text" x="0" y="{top}" width="{_WIDTH}" height="16"/>'
        for segment in page.segments:
            if segment.kept:
                x, end = (_at(offset, lengths[side]) for offset in (segment.begin, segment.end))
                yield f'<rect class="kept" x="{x}" y="{top}" width="{end - x:.1f}" height="16"/>'
    for passage in found.evidence:
        a, b = ([_at(offset, lengths[side]) for offset in getattr(passage, side)] for side in ("a", "b"))
        yield (
            f'<a href="#b{passage.number}"><polygon class="{_colour(passage)}" '
            f'points="{a[0]},0 {a[1]},0 {a[1]},16 {b[1]},74 {b[1]},90 {b[0]},90 {b[0]},74 {a[0]},16"/></a>'
        )
    yield "</svg>"


def _at(offset: int, length: int) -> float:
    return round(offset * _WIDTH / length, 1)


def _page(page: DissectedArticle, side: Side, passages: Sequence[Passage]) -> Iterator[str]:
    article = page.article
    lang = f' lang="{escape(article.lang)}"' if article.lang else ""
    yield f'<article aria-label="{side.upper()}">'
    yield f'<h2><span class="side">{side.upper()}</span> <span dir="auto"{lang}>{_escaped(_title(page))}</span></h2>'
    told = [each for each in (article.source, article.published_at, article.title and article.article_id) if each]
    yield f'<p class="told">{" · ".join(f"<bdi>{_escaped(one_line(each, _TITLE))}</bdi>" for each in told)}</p>'
    yield f'<p class="told">{escape(kept_in_words(page))}</p>'
    spans = sorted(_spans(passages, side), key=lambda span: span.begin)
    for kept, group in groupby(page.segments, key=lambda segment: segment.kept):
        if kept:
            for segment in group:
                yield f'<p class="kept" dir="auto"{lang}>{_marked(page, segment, spans)}</p>'
        else:
            yield from _dropped(page, list(group), lang)
    yield "</article>"


def _dropped(page: DissectedArticle, segments: Sequence[Segment], lang: str) -> Iterator[str]:
    """Dropped segments with their reasons, those with the same reason together."""
    for fate, group in groupby(segments, key=lambda segment: segment.fate):
        texts = [page.text[segment.begin : segment.end] for segment in group]
        inner = "<br>".join(_escaped(text) for text in texts)
        many = f" ({len(texts)})" if len(texts) > 1 else ""
        why = f'<span class="why">{escape(fate.value)}{many}</span>'
        yield f'<div class="dropped">{why}<p dir="auto"{lang}>{inner}</p></div>'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """A passage in one of the two texts."""

    begin: int
    end: int
    passage: Passage
    side: Side


def _spans(passages: Sequence[Passage], side: Side) -> Iterator[_Span]:
    for passage in passages:
        begin, end = passage.a if side == "a" else passage.b
        yield _Span(begin=begin, end=end, passage=passage, side=side)


def _marked(page: DissectedArticle, segment: Segment, spans: Sequence[_Span]) -> str:
    """A segment with its passages marked; a passage never leaves its segment."""
    parts: list[str] = []
    at = segment.begin
    for span in spans:
        # a character that normalises to several tokens may belong to two passages: the first has it
        begin, end = max(span.begin, at), min(span.end, segment.end)
        if begin < end:
            parts += [_escaped(page.text[at:begin]), _mark(span, page.text[begin:end])]
            at = end
    return "".join([*parts, _escaped(page.text[at : segment.end])])


def _mark(span: _Span, text: str) -> str:
    number = span.passage.number
    if number is None:
        return f'<span class="phrase">{_escaped(text)}</span>'
    other = "b" if span.side == "a" else "a"
    return (
        f'<a class="mark {_colour(span.passage)}" id="{span.side}{number}" href="#{other}{number}">'
        f"<mark>{_escaped(text)}</mark><sup>{number}</sup></a>"
    )


def _colour(passage: Passage) -> str:
    return f"c{(passage.number or 0) % _COLOURS}"


def _legend(found: Explanation) -> Iterator[str]:
    shown = count(len(found.evidence), "shared passage")
    yield '<footer class="legend">'
    yield (
        f"<p>{escape(shown)} in copied sentences, in the same colour and with the same number on both sides; each "
        'leads to its counterpart. <span class="phrase">Dotted</span>: the same words in sentences that differ '
        "otherwise; they do not count as copied. Grey: dropped before the comparison, with the reason.</p>"
    )
    yield f"<p>reprise {escape(__version__)}</p>"
    yield "</footer>"


def _title(page: DissectedArticle) -> str:
    return one_line(page.article.title or page.article.article_id, _TITLE)


def _escaped(text: str) -> str:
    return escape(make_printable(text))
