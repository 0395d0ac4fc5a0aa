"""Generate sites with their boilerplate, and render pages that wrap it around a story."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reprise.synthetic.rng import Rng
from reprise.synthetic.vocabulary import FIXED_SEED, SentenceGenerator

#: second seed of the sites; the languages use small numbers as theirs
_SITES_SEED = 1_000

#: vendors of consent notices in each language; two in three sites start their notice with a vendor's sentence
_VENDORS = 10

#: one site in this many shows the first sentence of a story in a teaser, not only its headline
_LEAD_INTERVAL = 8

#: Three syllables of 100 make a million names. The step is coprime to a million, so that no name repeats.
_SYLLABLES = tuple(consonant + vowel for consonant in "bcdfghjklmnprstvwxyz" for vowel in "aeiou")
_NAME_STEP = 618_033

#: largest number of sites; each takes about 2 KB of memory
MAX_SITES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site and its constant boilerplate.

    notices                  sentences of a consent or subscription notice; empty on a plain site
    shows_leads              whether its teasers have a story's first sentence beside the headline
    sentences_per_paragraph  length of a paragraph
    sentence_separator       text between two sentences: a space, or nothing in a script without spaces
    """

    number: int
    host: str
    language: str
    name: str
    menu: tuple[str, ...]
    notices: tuple[str, ...]
    legal: str
    shows_leads: bool
    sentences_per_paragraph: int
    sentence_separator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaser:
    """A link to another story beside a text: its headline, and its first sentence as the lead."""

    title: str
    lead: str


def make_sites(count: int, generators: Mapping[str, SentenceGenerator]) -> list[Site]:
    """Return `count` sites, which take the languages of `generators` in turn.

    The generators must be unused and seeded with FIXED_SEED; the sites are then always the same.
    """
    codes = list(generators)
    vendors = {code: generators[code].sentences(_VENDORS) for code in codes}
    rng = Rng(FIXED_SEED, _SITES_SEED)
    site_codes = (codes[n % len(codes)] for n in range(count))
    return [_make_site(n, generators[code], vendors[code], rng) for n, code in enumerate(site_codes)]


def _make_site(number: int, generator: SentenceGenerator, vendors: Sequence[str], rng: Rng) -> Site:
    language = generator.lexicon.language
    shuffled = (number + 1) * _NAME_STEP % 100**3
    name = "".join(_SYLLABLES[shuffled // 100**n % 100] for n in (2, 1, 0))
    consent = (rng.choice(vendors), *generator.sentences(2))
    subscription = tuple(generator.sentences(1))
    # A third of the sites has no notice, a third has a consent notice, the rest adds a subscription notice.
    notices = ((), consent, (*consent, *subscription))[rng.randbelow(3)]
    return Site(
        number=number,
        host=f"{name}.example",
        language=language.code,
        name=name.title(),
        menu=tuple(generator.content_word().title() for _ in range(6 + rng.randbelow(7))),
        notices=notices,
        legal=f"© 2025 {name.title()}",
        shows_leads=rng.randbelow(_LEAD_INTERVAL) == 0,
        sentences_per_paragraph=1 + rng.randbelow(4),
        sentence_separator=language.word_separator,
    )


def render_text_page(site: Site, title: str, sentences: Sequence[str], teasers: Iterable[Teaser]) -> str:
    """Return a page as text, one block of the page a line, like a crawler that only strips the tags."""
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


def render_html_page(site: Site, title: str, sentences: Sequence[str], teasers: Iterable[Teaser]) -> str:
    """Return a page as HTML."""
    menu = "".join(f'<li><a href="/{n}">{word}</a></li>' for n, word in enumerate(site.menu))
    body = "".join(f"<p>{paragraph}</p>\n" for paragraph in _paragraphs(site, sentences))
    related = "".join(f"<li>{line}</li>" for line in _teaser_lines(site, teasers))
    notices = "".join(f'<div class="cookie-banner" role="dialog"><p>{x}</p></div>\n' for x in _notice_lines(site))
    return (
        f'<!doctype html>\n<html lang="{site.language}"><head><meta charset="utf-8">'
        f"<title>{title} | {site.name}</title></head>\n<body><header><nav><ul>{menu}</ul></nav></header>\n"
        f"{notices}<main><article><h1>{title}</h1>\n{body}</article></main>\n"
        f'<aside class="related"><ul>{related}</ul></aside>\n<footer><p>{site.legal}</p></footer></body></html>\n'
    )


def _paragraphs(site: Site, sentences: Sequence[str]) -> Iterable[str]:
    step = site.sentences_per_paragraph
    return (site.sentence_separator.join(sentences[at : at + step]) for at in range(0, len(sentences), step))


def _notice_lines(site: Site) -> Iterable[str]:
    return (site.sentence_separator.join(site.notices),) if site.notices else ()


def _teaser_lines(site: Site, teasers: Iterable[Teaser]) -> Iterable[str]:
    for teaser in teasers:
        yield teaser.title
        if site.shows_leads:
            yield teaser.lead
