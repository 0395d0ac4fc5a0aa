"""Pages that show a notice in place of an article: what distinguishes them from reprints and forms of one page."""

from collections.abc import Sequence

import pytest

from reprise.dedup.no_article import (
    MAX_PAGES,
    PageVerdict,
    judge_page,
    pages_to_keep,
)
from reprise.dedup.page_identity import identify_page, mentions_title
from reprise.model import Article, Page

NOTICES = {
    "english": "Why did this happen? Please make sure that your browser supports JavaScript and cookies.",
    "german": "Bitte stimmen Sie der Verwendung von Cookies zu. Ohne Zustimmung zeigen wir diese Seite nicht.",
    "russian": "Для продолжения чтения оформите подписку. Статья доступна только подписчикам издания.",
    "arabic": "يرجى تفعيل جافا سكريبت في متصفحك للمتابعة. هذا المحتوى متاح للمشتركين فقط.",
    "chinese": "请启用脚本后继续访问本网站。我们需要确认您不是机器人。",
    "japanese": "この記事は会員限定です。続きを読むにはログインしてください。",
}
TITLES = (
    "Mayor resigns over budget",
    "Flood closes two schools",
    "Nurses win higher wages",
    "Stadium plan approved",
    "市长因预算问题辞职",
)
REPORT = (
    "The county engineer closed the iron bridge at Marlow Ford on Tuesday after divers found a crack in its eastern "
    "pier that was wide enough to hold a hand. The crossing carries eleven thousand cars a day, and the detour by the "
    "old mill road adds twenty minutes for the people of the upper valley. Repairs will begin as soon as the water has "
    "fallen, and the county hopes to reopen one lane before the school year starts in September."
)


def identify(text: str, url: str, title: str | None = None, source: str | None = "paper.example") -> Page:
    found = identify_page(Article(article_id=url, url=url, text=text, title=title, source=source))
    assert found
    return found


def judge(pages: Sequence[Page]) -> list[PageVerdict]:
    """Judge pages of one text in order, as an index does."""
    verdicts: list[PageVerdict] = []
    known: list[Page] = []
    for page in pages:
        assert page.text_key == pages[0].text_key
        verdicts.append(judge_page(page, known))
        if verdicts[-1] is not PageVerdict.NO_ARTICLE:
            known = [*(known[index] for index in pages_to_keep(page, known)), page]
    return verdicts


RECOGNISED = [PageVerdict.ARTICLE, PageVerdict.DOUBTED, PageVerdict.NO_ARTICLE, PageVerdict.NO_ARTICLE]


@pytest.mark.parametrize("text", NOTICES.values(), ids=NOTICES)
@pytest.mark.parametrize("has_title", [True, False], ids=["titles", "no titles"])
def test_a_source_shows_one_text_at_several_addresses(text: str, has_title: bool) -> None:
    """From the third address on the text is known as a notice, with and without titles."""
    pages = [
        identify(text, f"https://paper.example/news/story-{number}", TITLES[number] if has_title else None)
        for number in range(4)
    ]
    assert judge(pages) == RECOGNISED


@pytest.mark.parametrize("text", NOTICES.values(), ids=NOTICES)
def test_several_sources_show_one_text_under_several_titles(text: str) -> None:
    """A short text suffices; each source has one address."""
    pages = [
        identify(text, f"https://s{number}.example/news/{number}", TITLES[number], f"s{number}.example")
        for number in range(4)
    ]
    assert judge(pages) == RECOGNISED


def test_addresses_of_several_sources_are_recognised_without_titles() -> None:
    """A source that shows the text at two addresses is enough for another source with two."""
    pages = [
        identify(NOTICES["english"], f"https://{source}.example/{number}", source=f"{source}.example")
        for source, number in [("a", 1), ("b", 2), ("a", 3), ("b", 4), ("b", 5)]
    ]
    assert judge(pages) == [
        PageVerdict.ARTICLE,
        PageVerdict.ARTICLE,
        PageVerdict.DOUBTED,
        PageVerdict.NO_ARTICLE,
        PageVerdict.NO_ARTICLE,
    ]


@pytest.mark.parametrize("title", ["Report of the day on the coast", None], ids=["one title", "no title"])
@pytest.mark.parametrize("text", [NOTICES["english"], REPORT], ids=["short", "long"])
def test_reprints_of_several_sources_are_an_article(title: str | None, text: str) -> None:
    """Each source has the text at one address, under the title of the original or without one."""
    pages = [identify(text, f"https://s{number}.example/{number}", title, f"s{number}.example") for number in range(30)]
    assert set(judge(pages)) == {PageVerdict.ARTICLE}


def test_a_report_under_headlines_of_several_sources_is_an_article() -> None:
    """A report is longer than a short notice, so that titles that it does not mention prove nothing."""
    titles = ("Mayor resigns over budget", "Nurses win higher wages", "Stadium plan approved")
    pages = [identify(REPORT, f"https://{title[0]}.example/", title, f"{title[0]}.example") for title in titles]
    assert set(judge(pages)) == {PageVerdict.ARTICLE}


@pytest.mark.parametrize("title", ["Report of the day on the coast", None], ids=["one title", "no title"])
@pytest.mark.parametrize(
    "addresses",
    [
        [
            "https://paper.example/news/flood-closes-bridge",
            "https://paper.example/amp/news/flood-closes-bridge",
            "https://paper.example/news/flood-closes-bridge/amp",
            "https://m.paper.example/news/flood-closes-bridge.html",
            "https://paper.example/news/flood-closes-bridge?print=1",
            "https://paper.example/sport/flood-closes-bridge-4711",
        ],
        [
            "https://paper.example/article/4711",
            "https://paper.example/print.php?id=4711",
            "https://paper.example/4711-flood-closes-bridge",
            "https://paper.example/amp/4711.html",
        ],
        ["https://paper.example/some-long-title", "https://paper.example/some-long-title/2"],
        ["https://paper.example/story/abc", "https://paper.example/print?id=abc", "https://m.paper.example/?id=abc"],
        ["https://paper.example/story/abc", "https://paper.example/", "https://paper.example/amp/"],
        ["https://paper.example/article.php", "https://paper.example/article.php?page=2"],
    ],
    ids=["words", "number", "pages", "query", "start page", "script"],
)
def test_addresses_of_one_page_are_one_article(addresses: Sequence[str], title: str | None) -> None:
    """Print, mobile and AMP forms, sections, query parameters."""
    pages = [identify(NOTICES["english"], address, title) for address in addresses]
    assert set(judge(pages)) == {PageVerdict.ARTICLE}


def test_a_notice_has_one_title_on_all_pages_of_a_source() -> None:
    """Crawlers that read the title of the page get that of the notice, if the text is short."""
    pages = [
        identify(NOTICES["english"], f"https://paper.example/news/story-{number}", "Are you a robot?")
        for number in range(4)
    ]
    assert judge(pages) == RECOGNISED


def test_one_title_on_one_site_is_one_article() -> None:
    """Whatever the addresses are; the name of the site in a title does not count."""
    titles = ["Harbour festival | The Paper", "Harbour festival – The Paper", "Harbour festival"]
    pages = [identify(REPORT, f"https://paper.example/{number}", title) for number, title in enumerate(titles, start=1)]
    assert set(judge(pages)) == {PageVerdict.ARTICLE}


def test_a_text_that_mentions_its_title_is_no_notice() -> None:
    """Inflected words count as mentioned, in scripts without spaces pairs of characters."""
    assert mentions_title(REPORT.casefold(), "Cracked bridge: county closes crossing at Marlow Ford")
    assert mentions_title("汐見市の路面電車が九年ぶりに全線で再開した。", "路面電車、九年ぶり全線再開")
    assert not mentions_title(NOTICES["english"].casefold(), "Cracked bridge: county closes crossing at Marlow Ford")
    assert not mentions_title(REPORT.casefold(), "A B")
    assert identify_page(Article(article_id="1", text=REPORT, title="County closes iron bridge")) is None
    assert identify_page(Article(article_id="1", text=REPORT * 10)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Access denied. Request 7f3a9c01d2 failed.", "Access denied. Request 0b11e8aa54 failed."),
        ("Access denied. Reference #18.2f3c4d5e.1699999999", "Access denied. Reference #18.00ff11aa.1700000123"),
        ("Access denied. Incident 4711042", "Access denied. Incident 9330118"),
        ("Access denied. Request ID: 17.", "Access denied. Request ID: 204."),
        ("Access denied (code a1b2).", "Access denied (code 7f3c9)."),
        ("Blocked at 10:15 AM. Enable cookies.", "Blocked at 9:02 PM. Enable cookies."),
        (
            "Access denied on Sat, 28 Nov 2026 06:54:49 GMT. Enable cookies.",
            "Access denied on Mon, 1 Jun 2026 23:01:02 GMT. Enable cookies.",
        ),
        ("Blocked at 2026-11-28T06:54:49Z. Enable cookies.", "Blocked at 2026-01-02T10:00:00Z. Enable cookies."),
        ("请开启脚本。编号7d1fa0b2c3，2026年11月28日", "请开启脚本。编号99ab01ffe2，2026年11月29日"),
        ("Your address 192.0.2.17 is blocked by the site.", "Your address 198.51.100.4 is blocked by the site."),
    ],
)
def test_ids_and_times_are_left_out(one: str, other: str) -> None:
    """Copies of a notice differ by them."""
    assert identify(one, "https://paper.example/a").text_key == identify(other, "https://paper.example/b").text_key


def test_names_of_the_site_are_left_out() -> None:
    """Hosts, and capitalised names that have a part of the source's name."""
    one = "Welcome to The Harbour Post. Visit harbourpost.example to accept cookies before you read on."
    other = "Welcome to Valley Courier. Visit www.valleycourier.example to accept cookies before you read on."
    first, second = (
        identify(one, "https://paper.example/a", source="harbourpost.example"),
        identify(other, "https://paper.example/b", source="valleycourier.example"),
    )
    assert first.text_key == second.text_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The index closed at 424 points, 3 more than before.", "The index closed at 431 points, 7 more than before."),
        ("Harvest Inc was sued in May by its owners.", "Tourist Inc was sued in May by its owners."),
        ("Air quality is good today.", "Air quality is moderate today."),
    ],
)
def test_figures_and_names_of_articles_are_kept(one: str, other: str) -> None:
    """Two articles from one template are two texts."""
    assert identify(one, "https://paper.example/a").text_key != identify(other, "https://paper.example/b").text_key


def test_the_known_pages_are_bounded() -> None:
    """Two contradictory pages are kept, and the latest one."""
    pages = [
        identify(NOTICES["english"], f"https://{number}.example/{number}", source=f"{number}.example")
        for number in range(5)
    ]
    assert list(pages_to_keep(pages[3], pages[:3])) == [1, 2]
    contradictory = [pages[0], identify(NOTICES["english"], "https://0.example/other", source="0.example"), pages[1]]
    assert list(pages_to_keep(pages[2], contradictory)) == [0, 1]
    assert len(pages_to_keep(pages[3], pages[:3])) < MAX_PAGES


def test_a_hostile_address_or_text_is_identified() -> None:
    """Addresses that urllib refuses, lone surrogates, a text of signs alone."""
    assert identify("Please log in to read.", "http://[broken").path_words
    assert identify("Please \ud800 log in.", "https://paper.example/a\ud800").text_key
    assert identify_page(Article(article_id="1", text="!!! ...")) is None


def test_an_article_without_address_and_title_is_no_notice() -> None:
    """The ids of a source do not show whether copies of a text are several pages or one article."""
    text = NOTICES["english"]
    assert identify_page(Article(article_id="17", text=text, source="paper.example")) is None
    assert identify_page(Article(article_id="17", text=text, source="paper.example", title=TITLES[0]))
    assert identify_page(Article(article_id="https://paper.example/17", text=text, source="paper.example"))


@pytest.mark.parametrize("copies", [1, 2, 5])
def test_a_long_text_needs_an_address_and_a_title(copies: int) -> None:
    """A hundred words and more are seldom a notice; without a title they may be an article under several addresses."""
    text = " ".join([REPORT] * copies)
    url, title = "https://paper.example/17", TITLES[2]
    assert (identify_page(Article(article_id=url, url=url, text=text, title=title)) is None) == (copies == 5)
    assert (identify_page(Article(article_id=url, url=url, text=text)) is None) == (copies > 1)
    assert (identify_page(Article(article_id="17", text=text, title=title)) is None) == (copies > 1)
