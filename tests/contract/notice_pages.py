"""Pages that show a notice in place of an article, for the tests of both indexes."""

from hypothesis import strategies as st

from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint
from reprise.model import Article, Fingerprint
from tests.contract.texts import RULE, make_text

NOTICE = "Why did this happen? Please make sure that your browser supports JavaScript and cookies. Reference id {}."

#: Longer than a consent notice: such a text is an article.
REPORT = make_text(*range(1, 9)) * 4

TITLES = ("Bridge closed after flood", "Council elects first mayor", "Harbour festival returns today")


def page(
    number: int,
    text: str = NOTICE,
    *,
    source: str | None = "paper.example",
    title: str | None = None,
    address: str = "https://{source}/news/story-{number}",
    crawled_at_ms: int | None = None,
    rule: Rule = RULE,
) -> Fingerprint:
    """Return the fingerprint of the page of a number. A text with {} gets the number as its id."""
    return fingerprint(
        Article(
            article_id=str(number),
            url=address.format(source=source, number=number),
            text=text.replace("{}", f"7f3a{number}c9"),
            source=source,
            title=title,
            crawled_at_ms=crawled_at_ms,
        ),
        rule,
    )


def notice_pages(rule: Rule) -> st.SearchStrategy[Fingerprint]:
    """Draw pages of few numbers, most with one of two notices, others with an article."""
    return st.builds(
        page,
        st.integers(0, 5),
        st.sampled_from([NOTICE, NOTICE, NOTICE.replace("{}", ""), make_text(1, 2, 3), make_text(3, 4)]),
        source=st.sampled_from([None, "a.example", "a.example", "b.example"]),
        title=st.sampled_from([None, None, *TITLES]),
        address=st.sampled_from(
            ["https://{source}/n/{number}", "https://{source}/n/{number}", "https://{source}/amp/1.html"]
        ),
        crawled_at_ms=st.sampled_from([None, 1_000, 2_000]),
        rule=st.just(rule),
    )
