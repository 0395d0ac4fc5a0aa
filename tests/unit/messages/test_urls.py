"""Canonical form and registered domain of URLs."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reprise.messages import urls
from reprise.messages.urls import canonical_url, registered_domain

PAGE = "https://example.org/news/a-story?id=7"


@pytest.mark.parametrize(
    "spelling",
    [
        "https://example.org/news/a-story?id=7",
        "http://example.org/news/a-story?id=7",
        "HTTPS://EXAMPLE.ORG/news/a-story?id=7",
        "https://example.org:443/news/a-story?id=7",
        "http://example.org:80/news/a-story?id=7",
        "https://example.org./news/a-story?id=7",
        "https://reader:secret@example.org/news/a-story?id=7",
        "https://example.org/news/a-story?id=7#comments",
        "https://example.org/news/a-story?id=7&utm_source=mail&utm_medium=x",
        "https://example.org/news/a-story?fbclid=abc&id=7",
        "https://example.org/news/a-story?GCLID=abc&id=7&",
        "https://example.org/news/./x/../a-story?id=7",
        "https://example.org/news/%61%2Dstory?id=%37",
        "  https://example.org/news/a-story?id=7\n",
    ],
)
def test_spellings_of_a_url_have_one_canonical_form(spelling: str) -> None:
    """All URLs that a browser would open as the same page have the same canonical form."""
    assert canonical_url(spelling) == PAGE


@pytest.mark.parametrize(
    "other",
    [
        "https://example.org/news/A-story?id=7",
        "https://example.org/news/a-story/?id=7",
        "https://example.org/news/a-story?id=8",
        "https://example.org/news/a-story?id=7&page=2",
        "https://example.org:8443/news/a-story?id=7",
        "https://www.example.org/news/a-story?id=7",
        "https://example.org/news%2Fa-story?id=7",
        "https://example.org/news/a-story%3Fid=7",
    ],
)
def test_different_pages_have_different_canonical_forms(other: str) -> None:
    """URLs that may be different pages keep different canonical forms."""
    assert canonical_url(other) is not None
    assert canonical_url(other) != PAGE


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://münchen.de", "https://xn--mnchen-3ya.de/"),
        ("https://xn--mnchen-3ya.de/", "https://xn--mnchen-3ya.de/"),
        ("https://example.org/ü?q=ü", "https://example.org/%C3%BC?q=%C3%BC"),
        ("https://example.org/%c3%bc?q=%C3%BC", "https://example.org/%C3%BC?q=%C3%BC"),
        ("http://[2001:DB8::1]:8080/x", "https://[2001:db8::1]:8080/x"),
        ("https://example.org/a/b/..", "https://example.org/a/"),
        ("https://example.org/../../a", "https://example.org/a"),
        ("https://example.org/100%", "https://example.org/100%25"),
        ("https://example.org?x=1", "https://example.org/?x=1"),
        ("https://example.org/x?q=a%2Bb", "https://example.org/x?q=a%2Bb"),
        ("https://example.org/x?q=a+b", "https://example.org/x?q=a+b"),
    ],
)
def test_canonical_forms(url: str, canonical: str) -> None:
    """Unusual URLs have the expected canonical form."""
    assert canonical_url(url) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n/a",
        "example.org/a",
        "//example.org/a",
        "ftp://example.org/a",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://[bad",
        "http://two words/",
        "https://example.org:99999/",
        "https://example.org:0/",
        "https://" + "a" * 300 + ".org/",
    ],
)
def test_other_text_has_no_canonical_form(text: str) -> None:
    """A filler such as "n/a" must not become the common id of many articles."""
    assert canonical_url(text) is None


@settings(deadline=None)
@given(
    st.one_of(
        st.text(),
        st.builds(
            "http{}://{}{}/{}?{}#{}".format,
            st.sampled_from(["", "s"]),
            st.text(max_size=20),
            st.sampled_from([".org", "", ":80", ".co.uk:1"]),
            st.text(max_size=20),
            st.text(max_size=20),
            st.text(max_size=5),
        ),
    )
)
def test_canonical_is_stable_and_total(text: str) -> None:
    """No text raises an exception, and canonical_url is idempotent."""
    canonical = canonical_url(text)
    registered_domain(text)
    if canonical is not None:
        assert canonical_url(canonical) == canonical


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://www.example.org/a", "example.org"),
        ("https://edition.news.example.co.uk/a", "example.co.uk"),
        ("https://One.blogspot.com/a", "one.blogspot.com"),
        ("https://blogspot.com/a", "blogspot.com"),
        ("https://www.münchen.de/", "xn--mnchen-3ya.de"),
        ("http://192.0.2.7:8080/a", "192.0.2.7"),
        ("http://[2001:db8::1]/a", "2001:db8::1"),
        ("http://newsroom/a", "newsroom"),
        ("http://a.b.invalid/a", "b.invalid"),
        ("n/a", None),
        ("http://[bad", None),
    ],
)
def test_registered_domain(url: str, site: str | None) -> None:
    """The result is the domain below a public suffix, private suffixes included, or the host if there is none."""
    assert registered_domain(url) == site


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/" + "a/../" * 200_000,
        "https://example.org/" + "%2F" * 300_000,
        "https://example.org/?" + "a=1&" * 250_000,
        "https://" + "ü" * 1_000_000 + ".org/",
        "https://" + "a." * 500_000 + "org/",
    ],
)
def test_long_urls_are_fast(url: str) -> None:
    """A URL of a megabyte takes seconds at most."""
    started = time.perf_counter()
    canonical_url(url)
    registered_domain(url)
    assert time.perf_counter() - started < 3


def test_url_beyond_the_maximum_length_is_ignored() -> None:
    """Normalising megabytes takes seconds, so only URLs of lengths that servers accept are read."""
    longest = "http://example.org/" + "a" * (urls.MAX_URL_CHARACTERS - len("http://example.org/"))
    assert canonical_url(longest) is not None
    assert registered_domain(longest) == "example.org"
    assert canonical_url(longest + "a") is None
    assert registered_domain(longest + "a") is None
