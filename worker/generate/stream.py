"""The crawl: articles of known stories, one after the other, and how each is written down.

May live here: identifiers, addresses, the simulated clock, the choice of site and story, the form of a line. May not:
how a text is made or changed, a real clock, an open file.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import orjson

from worker.errors import UsageError
from worker.generate.dice import Dice, zipf_table
from worker.generate.languages import LANGUAGES
from worker.generate.pages import MOST_SITES, Site, Teaser, html_page, sites, text_page
from worker.generate.stories import REPRINTS, Recent, Relation, Sentences, reprinted, told
from worker.generate.words import WORLD, Prose, lexicon
from worker.model import OutputRecord

#: the first instant of the simulated clock: fixed, since the same options must give the same bytes
START = datetime(2025, 1, 1, tzinfo=UTC)

#: an article is published at most so long before it is crawled
_NEWEST_SECONDS, _OLDEST_SECONDS = 30, 7200

#: headlines a site shows beside a text, pages until it shows others, and headlines remembered a language
_TEASERS, _TEASER_PAGES, _HEADLINES = 4, 40, 64

#: offset of the sites' law: the largest of 200 sites has about one article in 20
_SITE_OFFSET, _SITE_BITS = 5, 17

#: longest mean of a story in words that may be asked for; about 1,000 stories are kept in memory
MOST_WORDS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """What to generate. Shares are in 0..1.

    `words` is the mean length of a new story, `spread` its largest deviation as a share of it; `interval_ms` is the
    mean time between two articles on the simulated clock, at least 1.

    Raises UsageError, one line for each mistake.
    """

    count: int
    seed: int = 0
    words: int = 400
    spread: float = 0.5
    duplicates: float = 0.5
    html: float = 0.2
    languages: Sequence[str] = tuple(LANGUAGES)
    sites: int = 200
    interval_ms: int = 100

    def __post_init__(self) -> None:
        mistakes = [message for wrong, message in self._checks() if wrong]
        if mistakes:
            raise UsageError("\n".join(mistakes))

    def _checks(self) -> Iterator[tuple[bool, str]]:
        yield self.count < 0, f"count must not be negative, not {self.count}"
        yield self.seed < 0, f"seed must not be negative, not {self.seed}"
        yield not 1 <= self.words <= MOST_WORDS, f"words must be in 1..{MOST_WORDS}, not {self.words}"
        for name in ("spread", "duplicates", "html"):
            yield not 0 <= getattr(self, name) <= 1, f"{name} must be in 0..1, not {getattr(self, name)}"
        unknown = sorted(set(self.languages) - set(LANGUAGES))
        yield bool(unknown), f"languages must be among {', '.join(LANGUAGES)}, not {', '.join(unknown)}"
        yield not self.languages, "languages must name at least one"
        fewest = len(set(self.languages))
        yield not fewest <= self.sites <= MOST_SITES, f"sites must be in {fewest}..{MOST_SITES}, not {self.sites}"
        yield self.interval_ms < 1, f"interval_ms must be at least 1, not {self.interval_ms}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
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
class _Shelf:
    """What a site shows beside its texts, for how many pages more."""

    teasers: tuple[Teaser, ...] = ()
    pages: int = 0


@dataclass(slots=True, kw_only=True)
class _Press:
    """The state of one crawl. Everything in it has a bound that does not depend on the number of articles."""

    options: Crawl
    dice: Dice
    prose: dict[str, Prose]
    sites: list[Site]
    by_language: dict[str, list[Site]]
    site_ranks: list[int]
    recent: Recent[_Story] = field(default_factory=Recent)
    headlines: dict[str, deque[Teaser]] = field(default_factory=dict)
    shelves: dict[int, _Shelf] = field(default_factory=dict)
    clock_ms: int = 0
    number: int = 0


def crawl(options: Crawl) -> Iterator[Labelled]:
    """Generate the articles, in the order of their crawl. The same options give the same articles."""
    press = _press(options)
    for number in range(options.count):
        press.number = number
        press.clock_ms += 1 + press.dice.below(2 * options.interval_ms - 1)
        story = press.recent.draw(press.dice) if press.dice.chance(options.duplicates) else None
        yield _found(press) if story is None else _reprint(press, story)


def line(labelled: Labelled, *, with_gold: bool) -> bytes:
    """Write the article as one JSON line, with its labels `story` and `kind` where they are asked for."""
    if not with_gold:
        return orjson.dumps(labelled.article, option=orjson.OPT_APPEND_NEWLINE)
    body = {**labelled.article, "story": labelled.story, "kind": labelled.relation.value}
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def gold_line(labelled: Labelled) -> bytes:
    """Write the labels alone as one JSON line: id, story, kind."""
    body = {"id": labelled.article["id"], "story": labelled.story, "kind": labelled.relation.value}
    return orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)


def record(labelled: Labelled, topic: str, *, with_gold: bool) -> OutputRecord:
    """Make the article a record keyed by its id, as producers of the input topic should send it."""
    value = line(labelled, with_gold=with_gold)[:-1]
    return OutputRecord(topic=topic, key=labelled.article["id"].encode(), value=value, headers=())


def _press(options: Crawl) -> _Press:
    codes = list(dict.fromkeys(options.languages))
    lexicons = {code: lexicon(LANGUAGES[code]) for code in codes}
    world = sites(options.sites, {code: Prose(lexicons[code], WORLD) for code in codes})
    return _Press(
        options=options,
        dice=Dice(options.seed, 0),
        prose={code: Prose(lexicons[code], options.seed, 1) for code in codes},
        sites=world,
        by_language={code: [site for site in world if site.language == code] for code in codes},
        site_ranks=zipf_table(size=len(world), offset=_SITE_OFFSET, bits=_SITE_BITS).tolist(),
        headlines={code: deque(maxlen=_HEADLINES) for code in codes},
    )


def _found(press: _Press) -> Labelled:
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
        sentences=told(prose, dice, round(options.words * (1 + options.spread * deviation))),
        teasers=_teasers(press, site),
        as_html=dice.chance(options.html),
        published_at=_published_at(press),
    )
    press.recent.add(story, dice)
    press.headlines[site.language].append(Teaser(title=story.title, lead=story.sentences[0]))
    return _printed(press, story, story, Relation.FOUNDER)


def _reprint(press: _Press, story: _Story) -> Labelled:
    """Print one more article of the story."""
    relation = press.dice.pick(REPRINTS)
    page = _page_of(press, story, relation)
    return _printed(press, story, page, relation)


def _page_of(press: _Press, story: _Story, relation: Relation) -> _Story:
    """Lay out the story for this reprint. An exact copy is the founder's page at another address of its site."""
    dice = press.dice
    prose = press.prose[story.site.language]
    sentences = reprinted(relation, story.sentences, prose, dice)
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


def _printed(press: _Press, story: _Story, page: _Story, relation: Relation) -> Labelled:
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
    return Labelled(article=article, story=story.story_id, relation=relation)


def _other_site(press: _Press, site: Site) -> Site:
    """Draw another site of the same language, the same one where there is no other."""
    same_language = press.by_language[site.language]
    chosen = press.dice.pick(same_language)
    if chosen is site:
        # The next in the list: one draw more might give the same again.
        chosen = same_language[(site.number // len(press.by_language) + 1) % len(same_language)]
    return chosen


def _teasers(press: _Press, site: Site) -> tuple[Teaser, ...]:
    """Choose what the site shows beside a text: other stories of its language, changed now and then."""
    shelf = press.shelves.setdefault(site.number, _Shelf())
    if shelf.pages == 0:
        known = press.headlines[site.language]
        # The first stories of a crawl would else stand on the shelves of all sites.
        full = len(known) == _HEADLINES
        drawn = [press.dice.pick(known) for _ in range(_TEASERS)] if full else []
        shelf.teasers = tuple({teaser.title: teaser for teaser in drawn}.values())
        shelf.pages = _TEASER_PAGES if full else 1
    shelf.pages -= 1
    return shelf.teasers


def _article_id(press: _Press) -> str:
    return f"a{press.options.seed}-{press.number}"


def _url(press: _Press, site: Site) -> str:
    return f"https://www.{site.host}/news/{press.options.seed}-{press.number}"


def _published_at(press: _Press) -> str:
    age_seconds = _NEWEST_SECONDS + press.dice.below(_OLDEST_SECONDS - _NEWEST_SECONDS)
    return _iso(press.clock_ms - 1000 * age_seconds)


def _iso(clock_ms: int) -> str:
    return (START + timedelta(milliseconds=clock_ms)).isoformat(timespec="milliseconds")
