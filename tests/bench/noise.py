"""How much of a reprint may be lost or spoilt before it is not found: `python -m tests.bench.noise`, Markdown tables.

Each cell has an index of its own. First come the originals, each on a site of its own. Then, in random order, a reprint
of each, and as many strangers: texts that nobody printed before, worn in the same way, on the same sites as the
reprints. Sites have menus and legal lines; the notices in whole sentences that many have, too, are rows of their own.
Recall is the share of reprints that join their original's story. A false join is a reprint that joins another's
story, or a stranger that joins any. Texts are made up by reprise/generate, or come from tests/data/languages.json,
where the texts of other stories stand in for strangers.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cache, partial
from math import sqrt
from pathlib import Path
from random import Random
from typing import Final
from uuid import uuid4

import numpy as np
import redis
from numpy.typing import NDArray

from reprise.dedup.decision import Rule
from reprise.dedup.retention import Retention
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.prose_filter import MIN_WORDS_TEXT, keep_prose
from reprise.dedup.text.tokens import normalise, tokenise
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.model import Article, Decision, Kind
from reprise.processing.ports import Index
from reprise.synthetic.languages import LANGUAGES
from reprise.synthetic.reprints import write_story
from reprise.synthetic.rng import Rng
from reprise.synthetic.sites import Site, make_sites, render_text_page
from reprise.synthetic.vocabulary import FIXED_SEED, SentenceGenerator, build_lexicon
from tests.bench.corruption import Sentences, furniture, misread, sentences_of, shortened, thinned
from tests.text_helpers import shingles

_ROOT: Final = Path(__file__).resolve().parents[2]

#: Short, so that nothing stays for long in a Redis that others use; a cell takes seconds.
_RETENTION: Final = Retention(window_seconds=600, replay_seconds=600)
_NOW_MS: Final = 1_750_000_000_000

#: Sites that print the reprints and the strangers: each has some ten of either.
_REPRINTING: Final = 20

#: Sites whose boilerplate stands around the texts of one of them: enough for four times 750 words of notices.
_FURNISHED: Final = 120

#: Exact similarities between which the errors of the estimates are given.
_RANGES: Final = ((0.0, 0.1), (0.1, 0.3), (0.3, 0.5), (0.5, 0.9), (0.9, 1.0))

#: 95 % of a normal distribution lie within so many standard deviations.
_DEVIATIONS: Final = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """What happens to each reprint. `boilerplate` is in words added for each of the text."""

    name: str
    cut: Callable[[Sentences, Random], Sentences] = lambda sentences, _: sentences
    wrong: float = 0.0
    boilerplate: float = 0.0
    keep_prose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Texts whose originals are in one index, and the strangers that come with their reprints."""

    texts: Sequence[Sentences]
    strangers: Sequence[Sentences]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What is printed, in rounds of one index each."""

    name: str
    rounds: Sequence[Round]


@dataclass(slots=True, kw_only=True)
class Cell:
    """What was counted. `estimates` holds, a variant, similarity and containment: stated, exact."""

    reprints: int = 0
    found: int = 0
    arrivals: int = 0
    false: int = 0
    estimates: list[tuple[float, float, float, float]] = field(default_factory=list)


def measure(corpus: Corpus, wear: Wear, index: Index, seed: int) -> Cell:
    """Print every text of the corpus and its worn reprint."""
    cell = Cell()
    for number, texts in enumerate(corpus.rounds):
        chance = Random(f"{seed} {corpus.name} {wear.name} {number}")
        _measure_round(texts, wear, index, chance, cell)
    return cell


def _measure_round(texts: Round, wear: Wear, index: Index, chance: Random, cell: Cell) -> None:
    namespace = f"noise-{uuid4().hex}"
    press = sites_of_the_press()
    originals = [
        _page(f"o{n}", text, Wear(name=""), press[_REPRINTING + n % len(press[_REPRINTING:])], chance)
        for n, text in enumerate(texts.texts)
    ]
    printed = [(f"r{n}", text) for n, text in enumerate(texts.texts)]
    printed += [(f"s{n}", text) for n, text in enumerate(texts.strangers)]
    chance.shuffle(printed)
    worn = [_page(name, text, wear, press[chance.randrange(_REPRINTING)], chance) for name, text in printed]
    pages = {page.article_id: page for page in (*originals, *worn)}
    decisions: dict[str, Decision] = {}
    for page in pages.values():
        (decisions[page.article_id],) = index.decide(namespace, [fingerprint(page, Rule())], _NOW_MS)
    # a story is its first article's: the original's, or that of a reprint or stranger that was not found
    whose = {decisions[name].story_id: name[1:] for name in pages if decisions[name].matched_article_id is None}
    for name, _ in printed:
        decision = decisions[name]
        cell.arrivals += 1
        if name[0] == "r":
            cell.reprints += 1
            cell.found += decision.story_id == decisions["o" + name[1:]].story_id
        joined = decision.matched_article_id is not None
        cell.false += joined and (name[0] == "s" or whose[decision.story_id] != name[1:])
        if joined and decision.kind is not Kind.EXACT:
            cell.estimates.append(_estimates(decision, pages[name], pages[decision.matched_article_id or ""]))


def _page(name: str, text: Sentences, wear: Wear, site: Site, chance: Random) -> Article:
    kept = wear.cut(text, chance)
    page = render_text_page(site, _headlines()[chance.randrange(len(_headlines()))], kept, ())
    if wear.boilerplate:
        words = sum(len(sentence.split()) for sentence in kept) * wear.boilerplate
        begin = _FURNISHED * site.number
        around = furniture(
            _furnishing()[begin : begin + _FURNISHED],
            _headlines()[begin : begin + _FURNISHED],
            round(words),
            keep_prose=wear.prose,
        )
        half = len(around) // 2
        page = "\n".join((*around[:half], page, *around[half:]))
    if wear.wrong:
        page = misread(page, wear.wrong, chance)
    return Article(article_id=name, text=page, source=site.host)


def _estimates(decision: Decision, article: Article, matched: Article) -> tuple[float, float, float, float]:
    mine, theirs = _shingles(article.text), _shingles(matched.text)
    shared = len(np.intersect1d(mine, theirs, assume_unique=True))
    exact = shared / (len(mine) + len(theirs) - shared), shared / min(len(mine), len(theirs))
    assert decision.similarity is not None
    assert decision.containment is not None
    return decision.similarity, exact[0], decision.containment, exact[1]


def _shingles(text: str) -> NDArray[np.uint32]:
    tokens = tokenise(normalise(join_wrapped_lines(text)))
    return shingles(tokens, keep_prose(tokens, MIN_WORDS_TEXT)).hashes


@cache
def _furnishing() -> list[Site]:
    """Sites that no article is of, whose boilerplate the reprinting sites have: the first so many are the first's."""
    return make_sites(_REPRINTING * (_FURNISHED + 1), _english())[_REPRINTING:]


@cache
def sites_of_the_press() -> list[Site]:
    """The sites that print articles; the first print the reprints, the others the originals."""
    return [replace(site, notices=()) for site in make_sites(_REPRINTING + 200, _english())]


@cache
def _headlines() -> list[str]:
    """Headlines, so many for each reprinting site."""
    (english,) = _english().values()
    return [english.headline() for _ in range(_REPRINTING * _FURNISHED)]


def _english() -> dict[str, SentenceGenerator]:
    return {"en": SentenceGenerator(build_lexicon(LANGUAGES["en"]), FIXED_SEED)}


def generated(words: int, articles: int, seed: int) -> Corpus:
    """Made-up English stories of `words` words, a quarter more or less."""
    rng, language = Rng(seed, words), SentenceGenerator(build_lexicon(LANGUAGES["en"]), seed, words)

    def tell() -> list[Sentences]:
        return [write_story(language, rng, words * (75 + rng.randbelow(51)) // 100) for _ in range(articles)]

    return Corpus(name=f"{words} words", rounds=[Round(texts=tell(), strangers=tell())])


def written(articles: int) -> Corpus:
    """The project's own prose in many languages, printed as often as it takes."""
    texts = _languages()
    times = -(-articles // len(texts))
    return Corpus(name="written, 150 words", rounds=[Round(texts=texts, strangers=())] * times)


def _languages() -> list[Sentences]:
    found = json.loads((_ROOT / "tests/data/languages.json").read_text(encoding="utf-8"))
    return [
        sentences_of(language[text].replace("\n", " ")) for language in found.values() for text in ("base", "unrelated")
    ]


def wears() -> Mapping[str, Sequence[Wear]]:
    """The rows, by what the text suffers."""
    tenths = range(1, 10)
    return {
        "sentences dropped at random": [Wear(name=f"{n}0 %", cut=partial(_thinned, n / 10)) for n in tenths],
        "sentences dropped from the end": [Wear(name=f"{n}0 %", cut=partial(_shortened, n / 10)) for n in tenths],
        "characters wrong": [Wear(name=f"{n:g} %", wrong=n / 100) for n in (0, 0.5, 1, 2, 3, 4, 5, 10)],
        "menus, headlines, legal lines added": [Wear(name=f"{n:g} x", boilerplate=n) for n in (0.5, 1, 2, 4)],
        "notices added, in sentences": [Wear(name=f"{n:g} x", boilerplate=n, keep_prose=True) for n in (0.5, 1, 2, 4)],
        "half dropped, 2 % wrong, notices": [
            Wear(name="1 x", cut=partial(_thinned, 0.5), wrong=0.02, boilerplate=1, keep_prose=True)
        ],
    }


def _thinned(share: float, sentences: Sentences, chance: Random) -> Sentences:
    return thinned(sentences, share, chance)


def _shortened(share: float, sentences: Sentences, _: Random) -> Sentences:
    return shortened(sentences, share)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson, "Probable inference", 1927)."""
    z = _DEVIATIONS
    share, spread = successes / trials, z * z / trials
    middle = share + spread / 2
    half = z * sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def markdown(corpora: Sequence[Corpus], cells: Mapping[tuple[str, str, str], Cell]) -> Iterator[str]:
    """Write the recall of all cells as one table."""
    names = [corpus.name for corpus in corpora]
    first = [cells["characters wrong", "0 %", name] for name in names]
    counts = ", ".join(f"{cell.reprints} of {name}" for name, cell in zip(names, first, strict=True))
    yield f"Reprints a cell: {counts}. Recall with its 95 % interval (Wilson); false joins of all that came."
    yield ""
    yield "| what the text suffers | | " + " | ".join(f"{name}: recall | false" for name in names) + " |"
    yield "| --- | ---: |" + " ---: | ---: |" * len(names)
    for group, name in dict.fromkeys((group, name) for group, name, _ in cells):
        row = [cells[group, name, corpus] for corpus in names]
        yield (
            f"| {group} | {name} | "
            + " | ".join(f"{_recall(cell)} | {cell.false}/{cell.arrivals}" for cell in row)
            + " |"
        )


def _recall(cell: Cell) -> str:
    low, high = wilson(cell.found, cell.reprints)
    return f"{cell.found / cell.reprints:.3f} ({low:.2f}-{high:.2f})"


def errors(cells: Sequence[Cell]) -> Iterator[str]:
    """Write the errors of what the events state of the variants, but exact copies, as one table."""
    found = np.array([each for cell in cells for each in cell.estimates])
    yield (
        "| exact similarity | variants | similarity: mean error | mean absolute | 95 % within "
        "| containment: mean error | mean absolute | 95 % within | `kind` differs from the exact one |"
    )
    yield "| --- " + "| ---: " * 8 + "|"
    for low, high in (*_RANGES, (0.0, 1.0)):
        exact = found[:, 1]
        rows = found[(exact >= low) & ((exact < high) | (high == 1))]
        if not len(rows):
            continue
        shown = [f"{figure:.3f}" for at in (0, 2) for figure in _error(rows[:, at] - rows[:, at + 1])]
        other = np.mean([_kind(stated) is not _kind(true) for stated, true, *_ in rows.tolist()])
        name = "all" if high - low == 1 else f"{low} to {high}"
        yield f"| {name} | {len(rows):,} | {' | '.join(shown)} | {other:.1%} |"


def _error(errors: NDArray[np.float64]) -> tuple[float, float, float]:
    size = np.abs(errors)
    return float(errors.mean()), float(size.mean()), float(np.quantile(size, 0.95))


def _kind(similarity: float) -> Kind:
    return Kind.NEAR if similarity >= Rule().near else Kind.PARTIAL


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.noise", description=__doc__)
    parser.add_argument("--articles", type=int, default=200, help="reprints a cell, at least")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--redis-url", help="decide in this Redis; without it, in the reference index")
    given = parser.parse_args()
    corpora = [
        generated(300, given.articles, given.seed),
        generated(600, given.articles, given.seed),
        written(given.articles),
    ]
    cells: dict[tuple[str, str, str], Cell] = {}
    with closing(_index(given.redis_url)) as index:
        for group, rows in wears().items():
            for wear in rows:
                for corpus in corpora:
                    cells[group, wear.name, corpus.name] = measure(corpus, wear, index, given.seed)
            sys.stderr.write(f"{group}: done\n")
    sys.stdout.write("\n".join((*markdown(corpora, cells), "", *errors(list(cells.values())), "")))
    return 0


def _index(url: str | None) -> Index:
    if url is None:
        return MemoryIndex(rule=Rule(), retention=_RETENTION)
    return RedisIndex(redis.Redis.from_url(url), rule=Rule(), retention=_RETENTION, expected_articles=1000)


if __name__ == "__main__":
    sys.exit(main())
