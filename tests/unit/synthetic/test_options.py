"""Claims about what may be asked of a crawl: kinds, languages, how unequal stories are, and how far back it reaches."""

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


def crawled(count: int, **options: Any) -> Sequence[GeneratedArticle]:
    """Make a crawl of short stories."""
    return list(generate_crawl(CrawlOptions(count=count, words=40, sites=50, **options)))


def reprints(articles: Sequence[GeneratedArticle]) -> Counter[Relation]:
    return Counter(x.relation for x in articles if x.relation is not Relation.FOUNDER)


def test_kinds_have_the_shares_of_their_weights() -> None:
    """Only the kinds that are named appear, each with its weight's share within 3 % points."""
    counted = reprints(crawled(6000, kinds={"exact": 5, "cut": 3, "near": 0}))
    assert counted.keys() == {Relation.EXACT, Relation.CUT}
    assert counted[Relation.EXACT] / counted.total() == pytest.approx(5 / 8, abs=0.03)


def test_the_order_of_kinds_changes_nothing() -> None:
    """Two spellings of the same weights are one crawl."""
    assert crawled(300, kinds={"cut": 1, "exact": 2}) == crawled(300, kinds={"exact": 2, "cut": 1})


@pytest.mark.parametrize("weights", [{"en": 5, "de": 2}, {"en": 1, "fr": 1, "zh": 1}, {"de": 97, "ar": 3}])
def test_languages_have_the_shares_of_their_weights(weights: Mapping[str, int]) -> None:
    """Of 8,000 new stories each language has its weight's share, within 2 % points."""
    counted = Counter(x.article["lang"] for x in crawled(8000, duplicates=0, languages=weights))
    for code, weight in weights.items():
        assert counted[code] / 8000 == pytest.approx(weight / sum(weights.values()), abs=0.02), code


def test_one_story_can_be_reprinted_without_end() -> None:
    """With --largest 0.6 the first story has 60 % of the reprints, in the last thousand articles as in the first."""
    articles = crawled(20_000, largest=0.6, duplicates=0.9)
    first = articles[0].story
    for part in (articles[:5000], articles[-5000:]):
        again = [x for x in part if x.relation is not Relation.FOUNDER]
        assert sum(x.story == first for x in again) / len(again) == pytest.approx(0.6, abs=0.05)
    assert Counter(x.story for x in articles)[first] > 10_000


def test_skew_says_how_unequal_stories_are() -> None:
    """The ten most printed stories have twice the share with half a skew, and twice that with Zipf's law."""
    shares = []
    for skew in (0.0, 0.5, 1.0):
        printed = Counter(x.story for x in crawled(8000, skew=skew, seed=1))
        shares.append(sum(count for _, count in printed.most_common(10)) / 8000)
    assert shares[0] < 0.01
    assert shares[1] > 2 * shares[0]
    assert shares[2] > 2 * shares[1]


@pytest.mark.parametrize("tenths", [1, 5, 8, 10])
def test_tickets_fall_as_a_power_of_the_face(tenths: int) -> None:
    """A story that throws one of 2**32 faces has (2**32 / face) ** skew tickets, up to the bound."""
    skew = Fraction(tenths, 10)
    for face in (1, 2, 3, 1000, 1 << 20, 12345678, 1 << 29, 3_000_000_000, 1 << 32):
        exact = ((1 << 32) / face) ** (tenths / 10)
        assert ticket_count(face, skew, 1024) == max(1, min(1024, int(exact * (1 + 1e-12)))), face


def test_without_skew_every_story_has_one_ticket() -> None:
    """A skew of 0 gives the luckiest story no more than any other."""
    assert ticket_count(1, Fraction(0), 1024) == 1


def test_what_is_remembered_has_a_bound() -> None:
    """However many stories are added, no more tickets are held than the reach allows, and they are the last ones'."""
    recent: RecentStories[int] = RecentStories(reach=16, skew=1.0)
    rng, bound = Rng(5), 16 * 4  # 3.4 tickets a story, rounded up
    for story in range(5000):
        recent.add(story, rng)
        assert len(recent) <= bound
    assert len(recent) == bound
    assert all((recent.draw(rng) or 0) > 4900 for _ in range(1000))


def test_a_longer_reach_prints_older_stories() -> None:
    """With 16 times the reach the mean age of what is reprinted, in articles, is at least four times as high."""
    ages = []
    for reach in (32, 512):
        founded: dict[str, int] = {}
        articles = crawled(10_000, reach=reach)
        ages.append(sum(n - founded.setdefault(x.story, n) for n, x in enumerate(articles)) / len(articles))
    assert ages[1] > 4 * ages[0]


def test_a_crawl_without_an_end_goes_on() -> None:
    """Without a count a crawl is the longer one that every shorter one begins."""
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
def test_a_wrong_wish_is_named(wrong: dict[str, Any], named: str) -> None:
    """Each option out of its bounds is one line that names it."""
    with pytest.raises(UsageError, match=named) as told:
        CrawlOptions(count=1, **wrong)
    assert len(str(told.value).splitlines()) == 1
