"""The documentation's pages: generated ones are up to date, and all keep the limits of a readable page."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from deploy.docs_pages import FOLDER, PAGES

TOP: Final = Path(__file__).parents[3]
DOCS: Final = TOP / "docs"

#: Pages of this project that a person wrote. The code of conduct is adopted word by word.
WRITTEN: Final = sorted(
    page.relative_to(TOP)
    for page in (*DOCS.rglob("*.md"), *TOP.glob("*.md"))
    if page.parent != FOLDER and page.name != "CODE_OF_CONDUCT.md"
)

#: Columns of a paragraph, lines of a page, words of the README.
MAX_COLUMNS: Final = 100
MAX_LINES: Final = 400
MAX_README_WORDS: Final = 900


def prose_lines(text: str) -> Iterator[str]:
    """Yield the lines outside code blocks that can be broken: neither table rows nor single links."""
    without_code = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for line in without_code.splitlines():
        if not line.startswith(("|", "![")) and " " in line.strip():
            yield line


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    """`make docs` writes it."""
    assert (FOLDER / name).read_text("utf-8") == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_the_lines_of_a_page_are_short(page: Path) -> None:
    """Reviews compare lines."""
    assert [line for line in prose_lines((TOP / page).read_text("utf-8")) if len(line) > MAX_COLUMNS] == []


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_a_page_is_short(page: Path) -> None:
    """A longer one is two pages. The runbook is read one section at a time, and each alert links to its section."""
    limit = 2 * MAX_LINES if page.name == "runbook.md" else MAX_LINES
    assert len((TOP / page).read_text("utf-8").splitlines()) <= limit


def test_the_readme_is_short() -> None:
    """Everything else is a page of docs."""
    assert len((TOP / "README.md").read_text("utf-8").split()) <= MAX_README_WORDS


@pytest.mark.parametrize("page", sorted(page.name for page in TOP.glob("*.md")))
def test_the_links_of_a_page_at_the_top_lead_to_files(page: str) -> None:
    """MkDocs checks the links within docs."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", (TOP / page).read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (TOP / link).exists()]
    assert missing == []
