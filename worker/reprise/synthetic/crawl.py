"""The crawl: articles of known stories, one after the other.

May live here: identifiers, addresses, the simulated clock, the choice of site and story. May not: how a text is made or
changed, how an article is written down, a real clock.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, islice

import numpy as np

from reprise.synthetic.languages import LANGUAGES
from reprise.synthetic.options import Crawl
from reprise.synthetic.reprints import RecentStories, Relation, Sentences, make_reprint, write_story
from reprise.synthetic.rng import Rng, table, zipf_weights
from reprise.synthetic.sites import Site, Teaser, html_page, sites, text_page
from reprise.synthetic.vocabulary import WORLD, Prose, lexicon

#: the first instant of the simulated clock: fixed, since the same options must give the same bytes
START = datetime(2025, 1, 1, tzinfo=UTC)

#: steps of the die that draws the time between two articles: 1 to 2 * _TICKS - 1 hundredths of the mean
_TICKS = 100

#: an article is published at most so long before it is crawled
_NEWEST_SECONDS, _OLDEST_SECONDS = 30, 7200

#: headlines a site shows beside a text, pages until it shows others, and headlines remembered a language
_TEASERS, _TEASER_PAGES, _HEADLINES = 4, 40, 64

#: offset of the sites' law: the largest of 200 sites has about one article in 20
_SITE_OFFSET, _SITE_BITS = 5, 17

#: fixed-point one of a language's weight, in bits; leaves room for the sum of all weights in 63 bits
_LANGUAGE_BITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedArticle:
    """An article as a message holds it, and what is true of it."""

    article: dict[str, str]
    story: str
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Story:
    """A story as its founder printed it: what a reprint, an exact copy and a revision need."""

    story_id: str
    article_id: str
    url: str
    site: Site
    title: str
    sentences: Sentences
    teasers: tuple[Teaser, ...]
    as_html: bool
    published_at: str


@dataclass(slots=True, kw_only=True)
class _TeaserSlot:
    """What a site shows beside its texts, for how many pages more."""

    teasers: tuple[Teaser, ...] = ()
    pages: int = 0


@dataclass(slots=True, kw_only=True)
class _CrawlState:
    """The state of one crawl. Everything in it has a bound that does not depend on the number of articles.

    `relations` holds each kind of reprint as often as its weight; `site_ranks` each site as often as its part asks.
    """

    options: Crawl
    dice: Rng
    prose: dict[str, Prose]
    sites: list[Site]
    by_language: dict[str, list[Site]]
    site_ranks: list[int]
    relations: tuple[Relation, ...]
    recent: RecentStories[_Story]
    first: _Story | None = None
    headlines: dict[str, deque[Teaser]] = field(default_factory=dict)
    shelves: dict[int, _TeaserSlot] = field(default_factory=dict)
    steady_us: int = 0
    clock_ms: int = 0
    number: int = 0


def crawl(options: Crawl) -> Iterator[GeneratedArticle]:
    """Generate the articles, in the order of their crawl. The same options give the same articles."""
    press = _start_crawl(options)
    for number in islice(count(), options.count):
        press.number = number
        press.steady_us += (1 + press.dice.below(2 * _TICKS - 1)) * options.interval_us // _TICKS
        press.clock_ms = options.burst.clock_us(press.steady_us) // 1000
        story = _chosen(press)
        yield _found(press) if story is None else _reprint(press, story)


def _start_crawl(options: Crawl) -> _CrawlState:
    codes = list(dict.fromkeys(options.languages))
    lexicons = {code: lexicon(LANGUAGES[code]) for code in codes}
    world = sites(options.sites, {code: Prose(lexicons[code], WORLD) for code in codes})
    return _CrawlState(
        options=options,
        dice=Rng(options.seed, 0),
        prose={code: Prose(lexicons[code], options.seed, 1) for code in codes},
        sites=world,
        by_language={code: [site for site in world if site.language == code] for code in codes},
        site_ranks=_site_ranks(world, options.languages),
        # in the enumeration's order, so that the order of the weights changes nothing
        relations=tuple(each for each in Relation for _ in range(options.kinds.get(each, 0))),
        recent=RecentStories(reach=options.reach, skew=options.skew),
        headlines={code: deque(maxlen=_HEADLINES) for code in codes},
    )


def _site_ranks(world: Sequence[Site], languages: Sequence[str] | Mapping[str, int]) -> list[int]:
    """Lay out the sites' numbers: by size alone, or so that each language has the part that its weight asks for."""
    weights = zipf_weights(size=len(world), offset=_SITE_OFFSET)
    if isinstance(languages, Mapping):
        spoken = np.array([site.language for site in world])
        # of python's integers, since the product does not fit into 64 bits; the sum of the result does
        for code, weight in languages.items():
            own = weights[spoken == code].tolist()
            total = sum(own)
            weights[spoken == code] = [(each * weight << _LANGUAGE_BITS) // total for each in own]
    ranks: list[int] = table(weights, bits=_SITE_BITS).tolist()
    return ranks


def _chosen(press: _CrawlState) -> _Story | None:
    """Choose the story that is printed again; None asks for a new one."""
    options, dice = press.options, press.dice
    if not dice.chance(options.duplicates):
        return None
    # no draw where nothing is asked for: the crawl stays what it was without the option
    if options.largest and dice.chance(options.largest):
        return press.first
    return press.recent.draw(dice)


def _found(press: _CrawlState) -> GeneratedArticle:
    """Print a new story, on a site that is drawn by its size."""
    options, dice, number = press.options, press.dice, press.number
    site = press.sites[dice.pick(press.site_ranks)]
    prose = press.prose[site.language]
    # Two draws make the middle likelier than the ends, without a function whose last bit differs by platform.
    deviation = (dice.below(2001) + dice.below(2001)) / 2000 - 1
    story = _Story(
        story_id=f"s{options.seed}-{number}",
        article_id=_article_id(press),
        url=_url(press, site),
        site=site,
        title=prose.headline(),
        sentences=write_story(prose, dice, round(options.words * (1 + options.spread * deviation))),
        teasers=_teasers(press, site),
        as_html=dice.chance(options.html),
        published_at=_published_at(press),
    )
    press.recent.add(story, dice)
    press.first = press.first or story
    press.headlines[site.language].append(Teaser(title=story.title, lead=story.sentences[0]))
    return _printed(press, story, story, Relation.FOUNDER)


def _reprint(press: _CrawlState, story: _Story) -> GeneratedArticle:
    """Print one more article of the story."""
    relation = press.dice.pick(press.relations)
    page = _page_of(press, story, relation)
    return _printed(press, story, page, relation)


def _page_of(press: _CrawlState, story: _Story, relation: Relation) -> _Story:
    """Lay out the story for this reprint. An exact copy is the founder's page at another address of its site."""
    dice = press.dice
    prose = press.prose[story.site.language]
    sentences = make_reprint(relation, story.sentences, prose, dice)
    revision, exact = relation is Relation.REVISION, relation is Relation.EXACT
    site = story.site if revision or exact else _other_site(press, story.site)
    return _Story(
        story_id=story.story_id,
        article_id=story.article_id if revision else _article_id(press),
        url=story.url if revision else _url(press, site),
        site=site,
        title=story.title if revision or exact or dice.below(2) else prose.headline(),
        sentences=sentences,
        teasers=story.teasers if exact else _teasers(press, site),
        as_html=story.as_html if revision or exact else dice.chance(press.options.html),
        published_at=story.published_at if revision or exact else _published_at(press),
    )


def _printed(press: _CrawlState, story: _Story, page: _Story, relation: Relation) -> GeneratedArticle:
    site = page.site
    form, printer = ("html", html_page) if page.as_html else ("text", text_page)
    article = {
        "id": page.article_id,
        "url": page.url,
        "source": site.host,
        "title": page.title,
        "lang": site.language,
        form: printer(site, page.title, page.sentences, page.teasers),
        "published_at": page.published_at,
        "crawled_at": _iso(press.clock_ms),
    }
    return GeneratedArticle(article=article, story=story.story_id, relation=relation)


def _other_site(press: _CrawlState, site: Site) -> Site:
    """Draw another site of the same language, the same one where there is no other."""
    same_language = press.by_language[site.language]
    chosen = press.dice.pick(same_language)
    if chosen is site:
        # The next in the list: one draw more might give the same again.
        chosen = same_language[(site.number // len(press.by_language) + 1) % len(same_language)]
    return chosen


def _teasers(press: _CrawlState, site: Site) -> tuple[Teaser, ...]:
    """Choose what the site shows beside a text: other stories of its language, changed now and then."""
    shelf = press.shelves.setdefault(site.number, _TeaserSlot())
    if shelf.pages == 0:
        known = press.headlines[site.language]
        # The first stories of a crawl would else stand on the shelves of all sites.
        full = len(known) == _HEADLINES
        drawn = [press.dice.pick(known) for _ in range(_TEASERS)] if full else []
        shelf.teasers = tuple({teaser.title: teaser for teaser in drawn}.values())
        shelf.pages = _TEASER_PAGES if full else 1
    shelf.pages -= 1
    return shelf.teasers


def _article_id(press: _CrawlState) -> str:
    return f"a{press.options.seed}-{press.number}"


def _url(press: _CrawlState, site: Site) -> str:
    return f"https://www.{site.host}/news/{press.options.seed}-{press.number}"


def _published_at(press: _CrawlState) -> str:
    age_seconds = _NEWEST_SECONDS + press.dice.below(_OLDEST_SECONDS - _NEWEST_SECONDS)
    return _iso(press.clock_ms - 1000 * age_seconds)


def _iso(clock_ms: int) -> str:
    return (START + timedelta(milliseconds=clock_ms)).isoformat(timespec="milliseconds")
