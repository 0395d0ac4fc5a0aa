"""Test the options of a crawl: kinds, languages, skew, reach and their checks."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

import pytest

from reprise.errors import UsageError
from reprise.synthetic import CrawlOptions, GeneratedArticle, generate_crawl
from reprise.synthetic.reprints import RecentStories, Relation, ticket_count
from reprise.synthetic.rng import Rng


def make_crawl(count: int, **options: Any) -> Sequence[GeneratedArticle]:
    """Return a crawl of short stories."""
    return list(generate_crawl(CrawlOptions(count=count, words=40, sites=50, **options)))


def count_reprints(articles: Sequence[GeneratedArticle]) -> Counter[Relation]:
    return Counter(x.relation for x in articles if x.relation is not Relation.FOUNDER)


def test_kinds_have_the_shares_of_their_weights() -> None:
    """Only kinds with a weight occur, each with the share of its weight, within 3 % points."""
    counted = count_reprints(make_crawl(6000, kinds={"exact": 5, "cut": 3, "near": 0}))
    assert counted.keys() == {Relation.EXACT, Relation.CUT}
    assert counted[Relation.EXACT] / counted.total() == pytest.approx(5 / 8, abs=0.03)


def test_the_order_of_kinds_changes_nothing() -> None:
    """The same weights in another order generate the same crawl."""
    assert make_crawl(300, kinds={"cut": 1, "exact": 2}) == make_crawl(300, kinds={"exact": 2, "cut": 1})


@pytest.mark.parametrize("weights", [{"en": 5, "de": 2}, {"en": 1, "fr": 1, "zh": 1}, {"de": 97, "ar": 3}])
def test_languages_have_the_shares_of_their_weights(weights: Mapping[str, int]) -> None:
    """Of 8,000 new stories each language has the share of its weight, within 2 % points."""
    counted = Counter(x.article["lang"] for x in make_crawl(8000, duplicates=0, languages=weights))
    for code, weight in weights.items():
        assert counted[code] / 8000 == pytest.approx(weight / sum(weights.values()), abs=0.02), code


def test_the_first_story_is_reprinted_throughout_the_crawl() -> None:
    """With --largest 0.6 the first story has 60 % of the reprints, among the first 5,000 articles and the last."""
    articles = make_crawl(20_000, largest=0.6, duplicates=0.9)
    first = articles[0].story
    for part in (articles[:5000], articles[-5000:]):
        again = [x for x in part if x.relation is not Relation.FOUNDER]
        assert sum(x.story == first for x in again) / len(again) == pytest.approx(0.6, abs=0.05)
    assert Counter(x.story for x in articles)[first] > 10_000


def test_a_greater_skew_makes_stories_more_unequal() -> None:
    """The ten largest stories have under 1 % without skew; their share more than doubles with 0.5, and again with 1."""
    shares = []
    for skew in (0.0, 0.5, 1.0):
        printed = Counter(x.story for x in make_crawl(8000, skew=skew, seed=1))
        shares.append(sum(count for _, count in printed.most_common(10)) / 8000)
    assert shares[0] < 0.01
    assert shares[1] > 2 * shares[0]
    assert shares[2] > 2 * shares[1]


@pytest.mark.parametrize("tenths", [1, 5, 8, 10])
def test_the_ticket_count_is_a_power_of_the_draw(tenths: int) -> None:
    """A story whose draw is in 1..2**32 has (2**32 / draw) ** skew tickets, up to the bound."""
    skew = Fraction(tenths, 10)
    for draw in (1, 2, 3, 1000, 1 << 20, 12345678, 1 << 29, 3_000_000_000, 1 << 32):
        exact = ((1 << 32) / draw) ** (tenths / 10)
        assert ticket_count(draw, skew, 1024) == max(1, min(1024, int(exact * (1 + 1e-12)))), draw


def test_without_skew_every_story_has_one_ticket() -> None:
    """With a skew of 0 even the smallest draw means one ticket."""
    assert ticket_count(1, Fraction(0), 1024) == 1


def test_the_number_of_held_tickets_is_bounded() -> None:
    """After 5,000 stories the ring holds as many tickets as the reach allows, those of the last stories."""
    recent: RecentStories[int] = RecentStories(reach=16, skew=1.0)
    rng, bound = Rng(5), 16 * 4  # the mean of 3.4 tickets a story, rounded up
    for story in range(5000):
        recent.add(story, rng)
        assert len(recent) <= bound
    assert len(recent) == bound
    assert all((recent.draw(rng) or 0) > 4900 for _ in range(1000))


def test_a_longer_reach_reprints_older_stories() -> None:
    """With 16 times the reach the mean age of a reprinted story, in articles, is at least four times as high."""
    ages = []
    for reach in (32, 512):
        founders: dict[str, int] = {}
        articles = make_crawl(10_000, reach=reach)
        ages.append(sum(n - founders.setdefault(x.story, n) for n, x in enumerate(articles)) / len(articles))
    assert ages[1] > 4 * ages[0]


def test_an_endless_crawl_begins_with_the_shorter_one() -> None:
    """Without a count the crawl continues; its first articles are those of a crawl with a count."""
    assert list(islice(generate_crawl(CrawlOptions(count=None, words=40)), 700))[:300] == list(
        generate_crawl(CrawlOptions(count=300, words=40))
    )


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kinds": {"founder": 1}}, "kinds must be among exact, .*, not founder"),
        ({"kinds": {}}, "kinds must name"),
        ({"kinds": {"exact": 0}}, "kinds must name"),
        ({"kinds": {"exact": 1001}}, "kinds: a weight .* exact"),
        ({"languages": {"en": 1, "xx": 2}}, "languages must be among .*, not xx"),
        ({"languages": {"en": -1, "de": 2}}, "languages: a weight .* en"),
        ({"languages": {"en": 0}}, "languages must name"),
        ({"largest": 1.1}, "largest"),
        ({"skew": 1.1}, "skew"),
        ({"skew": float("nan")}, "skew"),
        ({"reach": 0}, "reach"),
        ({"reach": 100_001}, "reach"),
    ],
)
def test_the_error_names_an_option_out_of_bounds(wrong: dict[str, Any], named: str) -> None:
    """The error has one line, which names the option that is out of its bounds."""
    with pytest.raises(UsageError, match=named) as raised:
        CrawlOptions(count=1, **wrong)
    assert len(str(raised.value).splitlines()) == 1
