"""Recognise a notice that sites show in place of an article: a consent, robot, paywall or script notice. Pure.

Such a text is known by its pages: one source shows it at unrelated addresses, under titles that it does not mention. A
reprint has the title of the original or mentions its own, and other addresses of one page have the same path or number.
docs/internals/decisions/0012-notices-in-place-of-articles.md has the reasons and the measurements.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import combinations
from typing import Final

from reprise.model import Page

#: Pages that an index keeps of a text. Two show that it is a notice; the third is the latest one.
MAX_PAGES: Final = 3


class PageVerdict(StrEnum):
    """Distinguish the judgements on a page, given the known pages of its text."""

    #: nothing speaks against an article
    ARTICLE = "article"
    #: a second page that does not fit the first one: either may be the article
    DOUBTED = "doubted"
    NO_ARTICLE = "no_article"


def judge_page(page: Page, known: Sequence[Page]) -> PageVerdict:
    """Judge a page by the known pages of the same text, the oldest first.

    Two pages contradict each other if they cannot show one article. The first two pages of a notice cannot be known as
    such: the second is doubted. A page that contradicts one of two contradictory pages shows a notice.
    """
    if find_same_page(page, known) is not None or not find_contradicted(page, known):
        return PageVerdict.ARTICLE
    is_known = _find_contradiction(known, is_brief=page.is_brief) is not None
    return PageVerdict.NO_ARTICLE if is_known else PageVerdict.DOUBTED


def shows_notice(first: Page | None, second: Page | None) -> bool:
    """Return whether two pages have one text, but cannot show one article."""
    if first is None or second is None or first.text_key != second.text_key:
        return False
    return judge_page(second, [first]) is not PageVerdict.ARTICLE


def find_contradicted(page: Page, known: Sequence[Page]) -> Sequence[int]:
    """Return the indexes of the known pages that cannot show the same article."""
    return [index for index, other in enumerate(known) if _contradict(page, other, is_brief=page.is_brief)]


def find_same_page(page: Page, known: Sequence[Page]) -> int | None:
    """Return the index of a known page that is another address of the same page; None if there is none."""
    for index, other in enumerate(known):
        if page.source and page.source == other.source and _is_same_path(page, other):
            return index
    return None


def pages_to_keep(page: Page, known: Sequence[Page]) -> Sequence[int]:
    """Return the indexes of the known pages to keep beside a further page: a contradiction, else the latest ones."""
    if len(known) < MAX_PAGES:
        return range(len(known))
    pair = _find_contradiction(known, is_brief=page.is_brief)
    return pair if pair is not None else range(len(known) - MAX_PAGES + 1, len(known))


def _contradict(page: Page, other: Page, *, is_brief: bool) -> bool:
    """Return whether two pages of one text, whose titles the text does not mention, cannot show one article."""
    has_other_title = page.title != b"" and other.title not in {b"", page.title}
    if page.source and page.source == other.source:
        if _is_same_path(page, other):
            return False
        # A long text under one title may be an article that a site publishes twice. On a short one the title is that of
        # the notice: "Just a moment...".
        return has_other_title or not page.title or not other.title or is_brief
    # Sites reprint a report under headlines of their own.
    return has_other_title and is_brief and page.source != b"" and other.source != b""


def _find_contradiction(pages: Sequence[Page], *, is_brief: bool) -> tuple[int, int] | None:
    """Return the first two pages that contradict each other."""
    for first, second in combinations(range(len(pages)), 2):
        if _contradict(pages[first], pages[second], is_brief=is_brief):
            return first, second
    return None


def _is_same_path(page: Page, other: Page) -> bool:
    """Return whether two addresses of one site are forms of one page: the same words, the same number, or both.

    An address with neither, such as that of a start page, may be a form of any page.
    """
    if not (page.path_words or page.path_numbers) or not (other.path_words or other.path_numbers):
        return True
    same_words, same_numbers = page.path_words == other.path_words, page.path_numbers == other.path_numbers
    if same_words:
        return same_numbers or not page.path_numbers or not other.path_numbers
    return same_numbers and page.path_numbers != b"" and not (page.path_words and other.path_words)
