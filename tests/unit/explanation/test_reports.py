"""`reprise explain`: the terminal's view and the HTML page, for articles of many scripts and hostile ones."""

import json
import os
import pty
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

import reprise
from reprise.explanation.analysis import Explanation, explain
from reprise.explanation.html_report import to_html
from reprise.explanation.terminal_report import to_terminal
from reprise.model import Article
from tests.support import worker_environment
from tests.unit.explanation.test_analysis import MENU, RIVER, RULE, TABLE, TEACHER, explained

SAMPLE = Path(reprise.__file__).parent / "sample" / "crawl.jsonl"
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


def run(*arguments: str) -> "tuple[int, str, str]":
    done = subprocess.run(
        [sys.executable, "-m", "reprise.cli", "explain", *arguments],
        env=worker_environment({"PYTHONUTF8": "1"}),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_two_files_are_explained_and_the_page_written(tmp_path: Path) -> None:
    """Text, HTML and JSON are read as the worker reads them; piped, the output has no colours."""
    (tmp_path / "a.txt").write_text(f"\ufeff{MENU}{RIVER}", encoding="utf-8")
    (tmp_path / "b.html").write_text(f"<html><body><p>{RIVER}</p><p>{TEACHER}</p></body></html>", encoding="utf-8")
    (tmp_path / "c.json").write_text(json.dumps({"id": "see", "text": RIVER, "source": "s.example"}), encoding="utf-8")
    names = {each: str(tmp_path / each) for each in ("a.txt", "b.html", "c.json", "page.html")}
    code, told, said = run(names["a.txt"], names["b.html"], "--html", names["page.html"])
    assert code == 0, said
    assert "variant of A" in told
    assert "\x1b" not in told
    assert "[1|" in told
    assert checked(Path(names["page.html"]).read_text(encoding="utf-8")).tags
    code, told, said = run(names["a.txt"], names["c.json"], "--source", "s.example")
    assert code == 0, said
    assert "exact variant" in told
    assert "one source" in told


def test_two_ids_of_a_file_are_explained() -> None:
    """Articles are found by the id they have, also one that was made of the URL; one id twice is two of its crawls."""
    rows = [json.loads(line) for line in SAMPLE.read_text(encoding="utf-8").splitlines()]
    ids = [row["id"] for row in rows if "id" in row]
    again = next(each for each in ids if ids.count(each) > 1)
    code, told, said = run("--in", str(SAMPLE), again, again)
    assert code == 0, said
    assert "B is a" in told
    code, _, said = run("--in", str(SAMPLE), ids[0], "nobody")
    assert (code, said) == (2, f"reprise: {SAMPLE}: no article that can be read has the id 'nobody'\n")


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (None, 1, "No such file or directory"),
        (b"\xff\xfe", 2, "it is not UTF-8 (invalid start byte at byte 0)"),
        (b"  ", 2, "no_text: neither text nor html"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(tmp_path: Path, content: bytes | None, code: int, told: str) -> None:
    """A missing file, other bytes than UTF-8, and nothing in it."""
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_bytes(content)
    found, out, said = run(str(path), str(path))
    assert (found, out) == (code, "")
    assert said.startswith(f"reprise: {path}: ")
    assert told in said
    assert len(said.splitlines()) == 1


def test_a_terminal_gets_colours(tmp_path: Path) -> None:
    """On a terminal the passages are coloured, and NO_COLOR puts the brackets back."""
    for name, text in (("a", RIVER), ("b", f"{TEACHER}\n{RIVER}")):
        (tmp_path / name).write_text(text)
    for extra, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        leading, following = pty.openpty()
        environment = worker_environment({"TERM": "xterm-256color", "COLUMNS": "100", **extra})
        environment.pop("NO_COLOR", None) if coloured else None
        process = subprocess.Popen(
            [sys.executable, "-m", "reprise.cli", "explain", str(tmp_path / "a"), str(tmp_path / "b")],
            env=environment,
            stdout=following,
        )
        os.close(following)
        told = b""
        try:
            while chunk := os.read(leading, 65536):
                told += chunk
        except OSError:  # the terminal is closed with its last process
            pass
        os.close(leading)
        assert process.wait(timeout=60) == 0
        assert (b"\x1b[30;43m" in told or b"\x1b[30;46m" in told) == coloured
        assert (b"[1|" in told) != coloured
