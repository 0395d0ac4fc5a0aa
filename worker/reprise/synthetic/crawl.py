"""Generate the articles of a crawl, one after the other.

This module draws sites, stories and intervals, and assigns ids, URLs and times of a simulated clock. reprints.py makes
the texts, sites.py the pages.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, islice

import numpy as np

from reprise.synthetic.languages import LANGUAGES
from reprise.synthetic.options import CrawlOptions
from reprise.synthetic.reprints import RecentStories, Relation, Sentences, make_reprint, write_story
from reprise.synthetic.rng import Rng, sampling_table, zipf_weights
from reprise.synthetic.sites import Site, Teaser, make_sites, render_html_page, render_text_page
from reprise.synthetic.vocabulary import FIXED_SEED, SentenceGenerator, build_lexicon

#: start of the simulated clock; it is constant, because the same options must generate the same bytes
START = datetime(2025, 1, 1, tzinfo=UTC)

#: resolution of the interval between two articles: 1 to 2 * _INTERVAL_STEPS - 1 hundredths of the mean
_INTERVAL_STEPS = 100

#: least and greatest time between the publication and the crawl of an article, in seconds
_MIN_AGE_SECONDS, _MAX_AGE_SECONDS = 30, 7200

#: teasers beside a text, pages of a site until the teasers change, and headlines kept for each language
_TEASERS, _PAGES_PER_TEASERS, _HEADLINES = 4, 40, 64

#: offset of the sites' Zipf law; the largest of 200 sites has about one article in 20
_SITE_OFFSET, _SITE_BITS = 5, 17

#: fractional bits of a language's weight; the sum of all weights then stays below 2**63
_LANGUAGE_BITS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedArticle:
    """An article as the input topic expects it, and its labels."""

    article: dict[str, str]
    story: str
    relation: Relation


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A page that prints a story. The founder's page is the origin of every reprint."""

    story_id: str
    article_id: str
    url: str
    site: Site
    title: str
    sentences: Sentences
    teasers: tuple[Teaser, ...]
    is_html: bool
    published_at: str


@dataclass(slots=True, kw_only=True)
class _TeaserSlot:
    """The teasers of a site, and the number of its pages that will still show them."""

    teasers: tuple[Teaser, ...] = ()
    pages_left: int = 0


@dataclass(slots=True, kw_only=True)
class _CrawlState:
    """The state of one crawl. Its size has a bound that does not depend on the number of articles.

    `relations` repeats each kind of reprint by its weight; `site_table` is a sampling table of the sites.
    `recent` and `first` hold the founders' pages. `number` counts articles from 0.
    """

    options: CrawlOptions
    rng: Rng
    generators: dict[str, SentenceGenerator]
    sites: list[Site]
    sites_by_language: dict[str, list[Site]]
    site_table: list[int]
    relations: tuple[Relation, ...]
    recent: RecentStories[_Page]
    first: _Page | None = None
    headlines: dict[str, deque[Teaser]] = field(default_factory=dict)
    teaser_slots: dict[int, _TeaserSlot] = field(default_factory=dict)
    steady_us: int = 0
    clock_ms: int = 0
    number: int = 0


def generate_crawl(options: CrawlOptions) -> Iterator[GeneratedArticle]:
    """Yield the articles in the order of their crawl. The same options yield the same articles."""
    state = _start_crawl(options)
    for number in islice(count(), options.count):
        state.number = number
        steps = 1 + state.rng.randbelow(2 * _INTERVAL_STEPS - 1)
        state.steady_us += steps * options.interval_us // _INTERVAL_STEPS
        state.clock_ms = options.burst.clock_us(state.steady_us) // 1000
        founder = _draw_story(state)
        yield _publish_founder(state) if founder is None else _publish_reprint(state, founder)


def _start_crawl(options: CrawlOptions) -> _CrawlState:
    codes = list(dict.fromkeys(options.languages))
    lexicons = {code: build_lexicon(LANGUAGES[code]) for code in codes}
    sites = make_sites(options.sites, {code: SentenceGenerator(lexicons[code], FIXED_SEED) for code in codes})
    return _CrawlState(
        options=options,
        rng=Rng(options.seed, 0),
        generators={code: SentenceGenerator(lexicons[code], options.seed, 1) for code in codes},
        sites=sites,
        sites_by_language={code: [site for site in sites if site.language == code] for code in codes},
        site_table=_site_table(sites, options.languages),
        # Iterating over the enumeration makes the crawl independent of the order of the weights.
        relations=tuple(relation for relation in Relation for _ in range(options.kinds.get(relation, 0))),
        recent=RecentStories(reach=options.reach, skew=options.skew),
        headlines={code: deque(maxlen=_HEADLINES) for code in codes},
    )


def _site_table(sites: Sequence[Site], languages: Sequence[str] | Mapping[str, int]) -> list[int]:
    """Return a sampling table of the sites by size; weights of languages scale the sites of each language."""
    weights = zipf_weights(size=len(sites), offset=_SITE_OFFSET)
    if isinstance(languages, Mapping):
        site_languages = np.array([site.language for site in sites])
        # The product needs Python's integers, because it exceeds 64 bits; the sum of the quotients does not.
        for code, language_weight in languages.items():
            own = weights[site_languages == code].tolist()
            total = sum(own)
            scaled = [(weight * language_weight << _LANGUAGE_BITS) // total for weight in own]
            weights[site_languages == code] = scaled
    table: list[int] = sampling_table(weights, bits=_SITE_BITS).tolist()
    return table


def _draw_story(state: _CrawlState) -> _Page | None:
    """Draw the story of the next article. Return its founder's page, or None for a new story."""
    options, rng = state.options, state.rng
    if not rng.bernoulli(options.duplicates):
        return None
    # Without the option there is no draw, so that the option's default leaves the crawl unchanged.
    if options.largest and rng.bernoulli(options.largest):
        return state.first
    return state.recent.draw(rng)


def _publish_founder(state: _CrawlState) -> GeneratedArticle:
    """Return the founder of a new story, on a site drawn by size."""
    options, rng, number = state.options, state.rng, state.number
    site = state.sites[rng.choice(state.site_table)]
    generator = state.generators[site.language]
    # The sum of two draws favours the middle and needs no function that differs between platforms in its last bit.
    deviation = (rng.randbelow(2001) + rng.randbelow(2001)) / 2000 - 1
    founder = _Page(
        story_id=f"s{options.seed}-{number}",
        article_id=_article_id(state),
        url=_url(state, site),
        site=site,
        title=generator.headline(),
        sentences=write_story(generator, rng, round(options.words * (1 + options.spread * deviation))),
        teasers=_draw_teasers(state, site),
        is_html=rng.bernoulli(options.html),
        published_at=_draw_published_at(state),
    )
    state.recent.add(founder, rng)
    state.first = state.first or founder
    state.headlines[site.language].append(Teaser(title=founder.title, lead=founder.sentences[0]))
    return _build_article(state, founder, Relation.FOUNDER)


def _publish_reprint(state: _CrawlState, founder: _Page) -> GeneratedArticle:
    """Return a reprint of the founder's story."""
    relation = state.rng.choice(state.relations)
    return _build_article(state, _make_reprint_page(state, founder, relation), relation)


def _make_reprint_page(state: _CrawlState, founder: _Page, relation: Relation) -> _Page:
    """Return the page of a reprint. An exact copy is the founder's page at another URL of the same site."""
    rng = state.rng
    generator = state.generators[founder.site.language]
    sentences = make_reprint(relation, founder.sentences, generator, rng)
    is_revision, is_exact = relation is Relation.REVISION, relation is Relation.EXACT
    site = founder.site if is_revision or is_exact else _draw_other_site(state, founder.site)
    return _Page(
        story_id=founder.story_id,
        article_id=founder.article_id if is_revision else _article_id(state),
        url=founder.url if is_revision else _url(state, site),
        site=site,
        title=founder.title if is_revision or is_exact or rng.randbelow(2) else generator.headline(),
        sentences=sentences,
        teasers=founder.teasers if is_exact else _draw_teasers(state, site),
        is_html=founder.is_html if is_revision or is_exact else rng.bernoulli(state.options.html),
        published_at=founder.published_at if is_revision or is_exact else _draw_published_at(state),
    )


def _build_article(state: _CrawlState, page: _Page, relation: Relation) -> GeneratedArticle:
    site = page.site
    body_field, render = ("html", render_html_page) if page.is_html else ("text", render_text_page)
    article = {
        "id": page.article_id,
        "url": page.url,
        "source": site.host,
        "title": page.title,
        "lang": site.language,
        body_field: render(site, page.title, page.sentences, page.teasers),
        "published_at": page.published_at,
        "crawled_at": _iso(state.clock_ms),
    }
    return GeneratedArticle(article=article, story=page.story_id, relation=relation)


def _draw_other_site(state: _CrawlState, site: Site) -> Site:
    """Return another site of the same language, or the same site if the language has no other."""
    candidates = state.sites_by_language[site.language]
    drawn = state.rng.choice(candidates)
    if drawn is site:
        # A second draw could return the same site again, so take its successor.
        drawn = candidates[(site.number // len(state.sites_by_language) + 1) % len(candidates)]
    return drawn


def _draw_teasers(state: _CrawlState, site: Site) -> tuple[Teaser, ...]:
    """Return the site's teasers: recent stories of its language, redrawn after _PAGES_PER_TEASERS pages."""
    slot = state.teaser_slots.setdefault(site.number, _TeaserSlot())
    if slot.pages_left == 0:
        headlines = state.headlines[site.language]
        # Teasers start once enough headlines are known. Otherwise all sites would show the crawl's first stories.
        is_full = len(headlines) == _HEADLINES
        drawn = [state.rng.choice(headlines) for _ in range(_TEASERS)] if is_full else []
        slot.teasers = tuple({teaser.title: teaser for teaser in drawn}.values())
        slot.pages_left = _PAGES_PER_TEASERS if is_full else 1
    slot.pages_left -= 1
    return slot.teasers


def _article_id(state: _CrawlState) -> str:
    return f"a{state.options.seed}-{state.number}"


def _url(state: _CrawlState, site: Site) -> str:
    return f"https://www.{site.host}/news/{state.options.seed}-{state.number}"


def _draw_published_at(state: _CrawlState) -> str:
    age_seconds = _MIN_AGE_SECONDS + state.rng.randbelow(_MAX_AGE_SECONDS - _MIN_AGE_SECONDS)
    return _iso(state.clock_ms - 1000 * age_seconds)


def _iso(clock_ms: int) -> str:
    return (START + timedelta(milliseconds=clock_ms)).isoformat(timespec="milliseconds")
