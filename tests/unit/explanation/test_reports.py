"""`reprise explain`: the terminal's view and the HTML page, for articles of many scripts and hostile ones."""

import os
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from reprise.explanation.analysis import Explanation, explain
from reprise.explanation.html_report import to_html
from reprise.explanation.terminal_report import to_terminal
from reprise.model import Article
from tests.unit.explanation.test_analysis import MENU, RIVER, RULE, TABLE, TEACHER, explained

VOID = {"meta", "rect", "polygon", "br", "link", "img"}
HOSTILE = (
    f'{RIVER} <script>alert("1")</script> & \x1b[2J\x1b]0;title\x07 \u202edrawkcab \u2066isolated.\n'
    '"><img src=x onerror=alert(1)>'
)


class Checker(HTMLParser):
    """Collects tags, attributes and text, and insists that tags are closed in their order."""

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
    found = Checker()
    found.feed(html)
    found.close()
    assert found.open == []
    return found


def shown(found: Explanation, *, colours: bool = False) -> str:
    console = Console(width=100, file=open(os.devnull, "w"), record=True, highlight=False, markup=False)  # noqa: SIM115
    console.print(to_terminal(found, colours=colours))
    return console.export_text()


def pairs() -> list[Explanation]:
    found = [explained(row["base"], row[name]) for row in TABLE.values() for name in ("near", "partial", "unrelated")]
    found += [explained(MENU, RIVER), explained(RIVER, RIVER), explained(HOSTILE, RIVER + HOSTILE)]
    return [*found, explained("", "..."), explained(f"{RIVER}\n{TEACHER}", f"{TEACHER}\n{RIVER}", "one.example")]


def test_the_page_is_well_formed_and_needs_nothing_else() -> None:
    """Every tag is closed, every link leads to a mark of the page, and nothing is loaded or run."""
    for found in pairs():
        page = checked(to_html(found))
        ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
        links = {attributes["href"] for _, attributes in page.tags if "href" in attributes}
        assert links <= {f"#{each}" for each in ids}
        assert len(ids) == 2 * len(found.evidence)
        assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "form"}
        names = {name for _, attributes in page.tags for name in attributes}
        assert not any(name.startswith("on") or name in {"src", "style", "srcset", "action"} for name in names)
        assert "@import" not in to_html(found)
        assert "url(" not in to_html(found)


def test_the_page_shows_both_texts_whole() -> None:
    """All that has a word is there, marked or not, dropped or kept."""
    for found in pairs():
        seen = "".join(checked(to_html(found)).text.split())
        for side in (found.a, found.b):
            words = [side.text[begin:end] for begin, end in zip(side.begins, side.ends, strict=True)]
            assert all("".join(word.split()) in seen for word in words)


def test_a_hostile_article_stays_text() -> None:
    """Markup is escaped, escape sequences and overrides of direction are gone, in the page and in the terminal."""
    page = Article(article_id="<b>", text=HOSTILE, title="</title><script>", source="\x1b[31m", lang='"><script>')
    found = explain(page, page, RULE)
    html = to_html(found)
    assert "script" not in {tag for tag, _ in checked(html).tags}
    for told in (html, shown(found), shown(found, colours=True)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", told)


def test_the_terminal_marks_passages_on_both_sides() -> None:
    """Without colours a passage stands in brackets with its number, once in A and once in B."""
    found = explained(f"{MENU}{RIVER}\nShare this page", f"{TEACHER}\n{RIVER}")
    told = shown(found)
    number = len(found.evidence)
    assert number
    for each in range(1, number + 1):
        assert told.count(f"[{each}|") == told.count(f"|{each}]") == 2
    assert found.verdict.sentence.split(":")[0] in told
    assert "too short (4)" in told
    assert "|1]" not in shown(found, colours=True)


@pytest.mark.parametrize("code", ["zh", "th", "ar", "he", "my"])
def test_scripts_of_every_kind_are_shown(code: str) -> None:
    """Chinese, Thai, Burmese and right-to-left texts fill both columns, within the width."""
    told = shown(explained(TABLE[code]["base"], TABLE[code]["partial"]))
    lines = told.splitlines()
    assert "[1|" in told
    assert len(lines) > 20


# --- the command
