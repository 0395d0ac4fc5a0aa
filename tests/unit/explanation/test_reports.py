"""Terminal and HTML reports, for articles in many scripts and for hostile ones."""

import os
import re
from html.parser import HTMLParser

import orjson
import pytest
from rich.console import Console

from reprise.explanation.analysis import Explanation, explain
from reprise.explanation.html_report import to_html
from reprise.explanation.json_report import to_json
from reprise.explanation.terminal_report import to_terminal
from reprise.model import Article
from tests.unit.explanation.test_analysis import MENU, RIVER, RULE, TABLE, TEACHER, explain_texts

VOID = {"meta", "rect", "polygon", "br", "link", "img"}
HOSTILE = (
    f'{RIVER} <script>alert("1")</script> & \x1b[2J\x1b]0;title\x07 \u202edrawkcab \u2066isolated.\n'
    '"><img src=x onerror=alert(1)>'
)


class Checker(HTMLParser):
    """Collect tags, attributes and text, and check that tags are closed in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def checked(html: str) -> Checker:
    checker = Checker()
    checker.feed(html)
    checker.close()
    assert checker.open == []
    return checker


def render(explanation: Explanation, *, colours: bool = False) -> str:
    console = Console(width=100, file=open(os.devnull, "w"), record=True, highlight=False, markup=False)  # noqa: SIM115
    console.print(to_terminal(explanation, colours=colours))
    return console.export_text()


def explanations() -> list[Explanation]:
    explained = [
        explain_texts(row["base"], row[name]) for row in TABLE.values() for name in ("near", "partial", "unrelated")
    ]
    explained += [explain_texts(MENU, RIVER), explain_texts(RIVER, RIVER), explain_texts(HOSTILE, RIVER + HOSTILE)]
    explained += [explain_texts("", "...")]
    return [*explained, explain_texts(f"{RIVER}\n{TEACHER}", f"{TEACHER}\n{RIVER}", "one.example")]


def test_html_is_well_formed_and_self_contained() -> None:
    """Every tag is closed, every link has its target in the page, and nothing is loaded or run."""
    for explanation in explanations():
        page = checked(to_html(explanation))
        ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
        links = {attributes["href"] for _, attributes in page.tags if "href" in attributes}
        assert links <= {f"#{each}" for each in ids}
        assert len(ids) == 2 * len(explanation.copied_passages)
        assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form"}
        names = {name for _, attributes in page.tags for name in attributes}
        assert not any(name.startswith("on") or name in {"src", "style", "srcset", "action"} for name in names)
        assert "@import" not in to_html(explanation)
        assert "url(" not in to_html(explanation)


def test_html_shows_both_texts_completely() -> None:
    """Every word of both texts is in the page, kept or dropped."""
    for explanation in explanations():
        seen = "".join(checked(to_html(explanation)).text.split())
        for side in (explanation.a, explanation.b):
            ranges = zip(side.token_starts, side.token_ends, strict=True)
            words = [side.text[start:end] for start, end in ranges]
            assert all("".join(word.split()) in seen for word in words)


def test_hostile_text_is_made_safe() -> None:
    """Markup is escaped; escape sequences and overrides of direction are removed, in both reports."""
    article = Article(article_id="<b>", text=HOSTILE, title="</title><script>", source="\x1b[31m", lang='"><script>')
    explanation = explain(article, article, RULE)
    html = to_html(explanation)
    assert "script" not in {tag for tag, _ in checked(html).tags}
    for report in (html, render(explanation), render(explanation, colours=True)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", report)


def test_terminal_report_marks_passages_on_both_sides() -> None:
    """Without colours a passage is in brackets with its number, once in A and once in B."""
    explanation = explain_texts(f"{MENU}{RIVER}\nShare this page", f"{TEACHER}\n{RIVER}")
    report = render(explanation)
    assert explanation.copied_passages
    for passage in explanation.copied_passages:
        number = passage.number
        assert report.count(f"[{number}|") == report.count(f"|{number}]") == 2
    assert explanation.verdict.summary.split(":")[0] in report
    assert "too short (4)" in report
    assert "|1]" not in render(explanation, colours=True)


@pytest.mark.parametrize("code", ["zh", "th", "ar", "he", "my"])
def test_scripts_of_every_kind_are_rendered(code: str) -> None:
    """Chinese, Thai, Burmese and right-to-left texts fill both columns."""
    report = render(explain_texts(TABLE[code]["base"], TABLE[code]["partial"]))
    assert "[1|" in report
    assert len(report.splitlines()) > 20


def test_the_json_report_has_the_verdicts_and_the_texts() -> None:
    """It can be serialized; texts stand in it as they are, which JSON escapes."""
    explanation = explain_texts(f"{MENU}\n{RIVER}", f"{RIVER}\n{HOSTILE}")
    report = orjson.loads(orjson.dumps(to_json(explanation), option=orjson.OPT_SERIALIZE_NUMPY))
    assert report["verdict"]["outcome"] == explanation.verdict.outcome.value
    assert report["verdict"]["criteria"][0].keys() == {"requirement", "actual", "is_met"}
    assert len(report["passages"]) == len(explanation.passages) > 0
    assert report["passages"][0]["a"] in explanation.a.text
    assert {segment["kept"] for segment in report["a"]["segments"]} == {True, False}
