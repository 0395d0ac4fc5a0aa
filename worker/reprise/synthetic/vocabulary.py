"""A made-up vocabulary with a real one's frequencies, and sentences out of it.

May live here: how words and sentences come about. May not: what a story or a page is.

A sentence is a skeleton (function words in place, slots between them) whose slots take content words by a
Zipf-Mandelbrot law, names that stay the same for a while, and numbers. Never more than two function words stand in
a row, so that every run of three words holds a word from a slot and two unrelated texts share hardly any.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reprise.synthetic.languages import LANGUAGES, Language
from reprise.synthetic.rng import Rng, zipf_table

#: The seed of everything that exists before the news: vocabularies and sites are the same for every crawl.
WORLD = 0

_CONTENT_WORDS = 20_000
_NAMES = 3_000
_NUMBERS = 1_000
_SKELETONS = 512
_STOCK_SENTENCES = 200

#: words in a sentence, function words included: news prose has about 20
_SHORTEST, _LONGEST = 13, 27

#: offset of the content words' law: the most frequent one is 0.9 % of them, as in news prose
_CONTENT_OFFSET = 15

#: 2**18 entries: one for a word of 1/30 of the rarest content word's weight is still drawn now and then
_CONTENT_BITS = 18

_CONTENT, _NAME, _NUMBER = -1, -2, -3

#: slots by frequency: 13 in 16 a content word, 2 a name, 1 a number
_SLOTS = (_CONTENT,) * 13 + (_NAME,) * 2 + (_NUMBER,)

#: sentences in a row that speak of the same names, and how many names those are
_SENTENCES_A_TOPIC, _NAMES_A_TOPIC = 16, 6

#: sentences made at once: enough that numpy's calls cost nothing, few enough to stay in the cache
_BLOCK = 512

#: words (in a script without spaces, characters) in a headline: under what reads as a sentence of the text
_HEADLINE_WORDS, _HEADLINE_CHARACTERS = 7, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """A language's words and skeletons.

    `tokens` holds function words, the comma, content words, names, numbers, in this order; `content`, `names` and
    `numbers` say where the last three begin. `bank` is all skeletons end to end, `starts` and `lengths` find one.
    """

    language: Language
    tokens: NDArray[np.object_]
    content: int
    names: int
    numbers: int
    content_table: NDArray[np.int64]
    names_table: NDArray[np.int64]
    bank: NDArray[np.int64]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    mean_words: float


@lru_cache(maxsize=len(LANGUAGES))
def lexicon(language: Language) -> Lexicon:
    """Make up the language's words, the same ones every time; kept, since it takes 50 ms and never changes."""
    dice = Rng(WORLD, language.number)
    used = set(language.functions)
    content = _distinct(_words(language, dice), _CONTENT_WORDS, used)
    names = _distinct(_names(language, dice), _NAMES, used)
    numbers = [str(n + 2) for n in range(_NUMBERS)]
    fixed = [*language.functions, language.comma]
    skeletons = _skeletons(len(language.functions), dice)
    lengths = np.array([len(x) for x in skeletons], dtype=np.int64)
    words_in_name = 2 if language.joiner else 1
    comma = len(language.functions)
    words = sum(sum(words_in_name if x == _NAME else x != comma for x in skeleton) for skeleton in skeletons)
    return Lexicon(
        language=language,
        tokens=np.array([*fixed, *content, *names, *numbers], dtype=object),
        content=len(fixed),
        names=len(fixed) + len(content),
        numbers=len(fixed) + len(content) + len(names),
        content_table=zipf_table(size=_CONTENT_WORDS, offset=_CONTENT_OFFSET, bits=_CONTENT_BITS),
        names_table=zipf_table(size=_NAMES, offset=_CONTENT_OFFSET, bits=14),
        bank=np.concatenate([np.array(x, dtype=np.int64) for x in skeletons]),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        mean_words=words / len(skeletons),
    )


def _distinct(words: Iterator[str], count: int, used: set[str]) -> list[str]:
    found: list[str] = []
    while len(found) < count:
        word = next(words)
        if word not in used:
            used.add(word)
            found.append(word)
    return found


def _words(language: Language, dice: Rng) -> Iterator[str]:
    """Make words without end: one or two open syllables and one with a coda; without spaces, two ideographs."""
    parts = (language.onsets, language.nuclei, language.codas)
    # 2,500 ideographs fall off far more slowly than 30 consonants do.
    tables = [zipf_table(size=len(part), offset=3 + len(part) // 40, bits=14) for part in parts]
    while True:
        onsets, nuclei, codas = (dice.ranks(table, 3 * _BLOCK).tolist() for table in tables)
        opened = [parts[0][a] + parts[1][b] for a, b in zip(onsets, nuclei, strict=True)]
        long = (dice.raw(_BLOCK) >> np.uint64(63)).tolist() if language.joiner else [0] * _BLOCK
        for n, more in enumerate(long):
            yield "".join(opened[3 * n : 3 * n + 2 + more]) + parts[2][codas[n]]


def _names(language: Language, dice: Rng) -> Iterator[str]:
    """Make names without end: two capitalised words; without spaces, three ideographs."""
    words = _words(language, dice)
    while True:
        if language.joiner:
            yield next(words).title() + language.joiner + next(words).title()
        else:
            yield next(words) + next(words)[:1]


def _skeletons(functions: int, dice: Rng) -> list[list[int]]:
    """Lay out token numbers of function words and the comma (number `functions`), and negative numbers for slots."""
    table: list[int] = zipf_table(size=functions, offset=3, bits=14).tolist()
    return [_skeleton(functions, table, dice) for _ in range(_SKELETONS)]


def _skeleton(comma: int, table: list[int], dice: Rng) -> list[int]:
    length = _SHORTEST + dice.below(_LONGEST - _SHORTEST + 1)
    skeleton: list[int] = []
    while len(skeleton) < length:
        skeleton += (dice.pick(table) for _ in range(1 + (dice.below(4) == 0)))
        skeleton += (dice.pick(_SLOTS) for _ in range(1 + dice.below(2)))
        if dice.below(8) == 0:
            skeleton.append(comma)
    return [*(skeleton[:-1] if skeleton[-1] == comma else skeleton), _CONTENT]


def _fill(lexicon: Lexicon, dice: Rng, count: int) -> tuple[NDArray[np.int64], list[int]]:
    """Draw the token numbers of `count` sentences end to end, and where each sentence ends."""
    chosen = (dice.raw(count) % np.uint64(_SKELETONS)).astype(np.int64)
    lengths = lexicon.lengths[chosen]
    ends = np.cumsum(lengths)
    ids = lexicon.bank[np.arange(int(ends[-1])) + np.repeat(lexicon.starts[chosen] - (ends - lengths), lengths)]
    slots = np.flatnonzero(ids == _CONTENT)
    ids[slots] = lexicon.content + dice.ranks(lexicon.content_table, slots.size)
    slots = np.flatnonzero(ids == _NUMBER)
    ids[slots] = lexicon.numbers + (dice.raw(slots.size) % np.uint64(_NUMBERS)).astype(np.int64)
    slots = np.flatnonzero(ids == _NAME)
    topics = count // _SENTENCES_A_TOPIC + 1
    spoken_of = dice.ranks(lexicon.names_table, topics * _NAMES_A_TOPIC)
    topic = np.searchsorted(ends, slots, side="right") // _SENTENCES_A_TOPIC
    nth = (dice.raw(slots.size) % np.uint64(_NAMES_A_TOPIC)).astype(np.int64)
    ids[slots] = lexicon.names + spoken_of[topic * _NAMES_A_TOPIC + nth]
    return ids, ends.tolist()


def _sentences(lexicon: Lexicon, dice: Rng, count: int) -> list[str]:
    ids, ends = _fill(lexicon, dice, count)
    tokens = lexicon.tokens[ids].tolist()
    language = lexicon.language
    spaced_comma = language.joiner + language.comma
    sentences, start = [], 0
    for end in ends:
        sentence = language.joiner.join(tokens[start:end]).replace(spaced_comma, language.comma)
        sentences.append(sentence[0].upper() + sentence[1:] + language.full_stop)
        start = end
    return sentences


class Prose:
    """An endless text in one language. Neighbouring sentences speak of the same names."""

    __slots__ = ("_dice", "_ready", "_stock", "_stock_ranks", "_words", "lexicon")

    def __init__(self, lexicon: Lexicon, *seeds: int) -> None:
        self.lexicon = lexicon
        self._dice = Rng(*seeds, lexicon.language.number)
        self._ready: list[str] = []
        self._words: list[str] = []
        self._stock = _sentences(lexicon, Rng(WORLD, lexicon.language.number, 1), _STOCK_SENTENCES)
        self._stock_ranks: list[int] = zipf_table(size=_STOCK_SENTENCES, offset=3, bits=10).tolist()

    def take(self, count: int) -> list[str]:
        """Take the next `count` sentences."""
        while len(self._ready) < count:
            self._ready += _sentences(self.lexicon, self._dice, _BLOCK)
        taken = self._ready[-count:] if count else []
        del self._ready[len(self._ready) - count :]
        return taken

    def word(self) -> str:
        """Draw a content word, as frequent as in the text."""
        if not self._words:
            ids = self.lexicon.content + self._dice.ranks(self.lexicon.content_table, _BLOCK)
            self._words = self.lexicon.tokens[ids].tolist()
        return self._words.pop()

    def stock(self) -> str:
        """Draw a sentence that many stories of the language share, some far more than others."""
        return self._stock[self._dice.pick(self._stock_ranks)]

    def headline(self) -> str:
        """Write a line too short to be a sentence of a text."""
        language = self.lexicon.language
        (sentence,) = self.take(1)
        bare = sentence.replace(language.comma, "")
        if not language.joiner:
            return bare[:_HEADLINE_CHARACTERS]
        return language.joiner.join(bare.split(language.joiner)[:_HEADLINE_WORDS])

    def edited(self, sentence: str) -> str:
        """Replace one to three inner words of the sentence."""
        for _ in range(1 + self._dice.below(3)):
            sentence = self._replaced(sentence)
        return sentence

    def _replaced(self, sentence: str) -> str:
        joiner, word = self.lexicon.language.joiner, self.word()
        if not joiner:
            at = 1 + self._dice.below(len(sentence) - 4)
            return sentence[:at] + word + sentence[at + len(word) :]
        words = sentence.split(joiner)
        words[1 + self._dice.below(len(words) - 2)] = word
        return joiner.join(words)
