"""Sites, and the page that a site makes of a story: text as a crawler strips it, or HTML.

May live here: what a site adds to every text it prints. May not: which story is printed where and when.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reprise.synthetic.rng import Rng
from reprise.synthetic.vocabulary import WORLD, Prose

#: Seeds the sites' own part of the world; languages have the small numbers.
_SITES = 1_000

#: Vendors of consent notices a language; two sites in three begin their notice with a vendor's sentence.
_VENDORS = 10

#: One site in so many shows the first sentences of other stories beside a text, not their headlines alone.
_LEADS_EVERY = 8

#: Three syllables of 100 give a million names; the step has no factor in common with it, so that none comes twice.
_SYLLABLES = tuple(consonant + vowel for consonant in "bcdfghjklmnprstvwxyz" for vowel in "aeiou")
_NAME_STEP = 618_033

#: largest number of sites; each is held in memory, about 2 KB
MOST_SITES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site and its fixed boilerplate. `leads`: its teasers carry a first sentence, not a headline alone.

    `notices` holds sentences (consent, subscription), none on a plain site. `paragraph` is in sentences.
    """

    number: int
    host: str
    language: str
    name: str
    menu: tuple[str, ...]
    notices: tuple[str, ...]
    legal: str
    leads: bool
    paragraph: int
    joiner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaser:
    """Another story as a page beside it announces it."""

    title: str
    lead: str


def sites(count: int, prose: Mapping[str, Prose]) -> list[Site]:
    """Found `count` sites, the languages of `prose` (fresh, seeded by WORLD) in turn; the same ones every time."""
    codes = list(prose)
    vendors = {code: prose[code].take(_VENDORS) for code in codes}
    dice = Rng(WORLD, _SITES)
    return [_site(n, prose[codes[n % len(codes)]], vendors[codes[n % len(codes)]], dice) for n in range(count)]


def _site(number: int, prose: Prose, vendors: Sequence[str], dice: Rng) -> Site:
    language = prose.lexicon.language
    shuffled = (number + 1) * _NAME_STEP % 100**3
    name = "".join(_SYLLABLES[shuffled // 100**n % 100] for n in (2, 1, 0))
    consent = (dice.pick(vendors), *prose.take(2))
    subscribe = tuple(prose.take(1))
    # A third of the sites has no sentence of its own around a text, a third a long notice, the rest both.
    notices = ((), consent, (*consent, *subscribe))[dice.below(3)]
    return Site(
        number=number,
        host=f"{name}.example",
        language=language.code,
        name=name.title(),
        menu=tuple(prose.word().title() for _ in range(6 + dice.below(7))),
        notices=notices,
        legal=f"© 2025 {name.title()}",
        leads=dice.below(_LEADS_EVERY) == 0,
        paragraph=1 + dice.below(4),
        joiner=language.joiner,
    )


def text_page(site: Site, title: str, sentences: Sequence[str], teasers: Iterable[Teaser]) -> str:
    """Print the page as a crawler that only strips tags delivers it: one block of the page a line."""
    return "\n".join(
        (
            site.name,
            *site.menu,
            title,
            *_paragraphs(site, sentences),
            *_teaser_lines(site, teasers),
            *_notice_lines(site),
            site.legal,
        )
    )


def html_page(site: Site, title: str, sentences: Sequence[str], teasers: Iterable[Teaser]) -> str:
    """Print the page as the site serves it."""
    menu = "".join(f'<li><a href="/{n}">{word}</a></li>' for n, word in enumerate(site.menu))
    body = "".join(f"<p>{paragraph}</p>\n" for paragraph in _paragraphs(site, sentences))
    beside = "".join(f"<li>{line}</li>" for line in _teaser_lines(site, teasers))
    notices = "".join(f'<div class="cookie-banner" role="dialog"><p>{x}</p></div>\n' for x in _notice_lines(site))
    return (
        f'<!doctype html>\n<html lang="{site.language}"><head><meta charset="utf-8">'
        f"<title>{title} | {site.name}</title></head>\n<body><header><nav><ul>{menu}</ul></nav></header>\n"
        f"{notices}<main><article><h1>{title}</h1>\n{body}</article></main>\n"
        f'<aside class="related"><ul>{beside}</ul></aside>\n<footer><p>{site.legal}</p></footer></body></html>\n'
    )


def _paragraphs(site: Site, sentences: Sequence[str]) -> Iterable[str]:
    step = site.paragraph
    return (site.joiner.join(sentences[at : at + step]) for at in range(0, len(sentences), step))


def _notice_lines(site: Site) -> Iterable[str]:
    return (site.joiner.join(site.notices),) if site.notices else ()


def _teaser_lines(site: Site, teasers: Iterable[Teaser]) -> Iterable[str]:
    for teaser in teasers:
        yield teaser.title
        if site.leads:
            yield teaser.lead
