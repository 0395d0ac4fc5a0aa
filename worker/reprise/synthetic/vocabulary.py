"""Generate an invented vocabulary with realistic word frequencies, and sentences made of it.

A sentence is a skeleton: function words in fixed places, with slots between them. Content words fill most slots, by a
Zipf-Mandelbrot law; names fill some, the same few names for a while; numbers fill the rest. At most two function words
stand in a row, so every run of three words contains a word from a slot, and unrelated texts share hardly any such run.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reprise.synthetic.languages import LANGUAGES, Language
from reprise.synthetic.rng import Rng, zipf_table

#: first seed of vocabularies, stock sentences and sites, which are the same in every crawl
FIXED_SEED = 0

_CONTENT_WORDS = 20_000
_NAMES = 3_000
_NUMBERS = 1_000
_SKELETONS = 512
_STOCK_SENTENCES = 200

#: words in a sentence, function words included; news prose has about 20
_MIN_WORDS, _MAX_WORDS = 13, 27

#: offset of the content words' Zipf law; the most frequent word is then 0.9 % of all, as in news prose
_CONTENT_OFFSET = 15

#: 2**18 table entries are coarse, yet a word of 1/30 of the rarest content word's weight still occurs now and then
_CONTENT_BITS = 18

#: kinds of slots in a skeleton; they are negative, because a token number is not
_CONTENT, _NAME, _NUMBER = -1, -2, -3

#: distribution of slots: of 16, 13 hold a content word, 2 a name, 1 a number
_SLOTS = (_CONTENT,) * 13 + (_NAME,) * 2 + (_NUMBER,)

#: sentences in a row that share their names, and the number of those names
_SENTENCES_PER_TOPIC, _NAMES_PER_TOPIC = 16, 6

#: sentences or words generated at once: enough to hide numpy's call overhead, few enough for the CPU cache
_BLOCK_SIZE = 512

#: words of a headline (characters in a script without spaces); fewer than in any sentence of a text
_HEADLINE_WORDS, _HEADLINE_CHARACTERS = 7, 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Lexicon:
    """The words and sentence skeletons of a language.

    tokens            function words, the comma, content words, names and numbers, in this order
    content_start, names_start, numbers_start
                      index in `tokens` of the first content word, name and number
    content_table, names_table
                      sampling tables of the content words and names
    skeleton_tokens   all skeletons, end to end
    skeleton_starts, skeleton_lengths
                      position of each skeleton in `skeleton_tokens`
    mean_words        mean number of words in a sentence
    """

    language: Language
    tokens: NDArray[np.object_]
    content_start: int
    names_start: int
    numbers_start: int
    content_table: NDArray[np.int64]
    names_table: NDArray[np.int64]
    skeleton_tokens: NDArray[np.int64]
    skeleton_starts: NDArray[np.int64]
    skeleton_lengths: NDArray[np.int64]
    mean_words: float


@lru_cache(maxsize=len(LANGUAGES))
def build_lexicon(language: Language) -> Lexicon:
    """Return the lexicon of a language. It is always the same, and cached because building it takes 50 ms."""
    rng = Rng(FIXED_SEED, language.seed)
    used = set(language.function_words)
    content = _take_distinct(_generate_words(language, rng), _CONTENT_WORDS, used)
    names = _take_distinct(_generate_names(language, rng), _NAMES, used)
    numbers = [str(n + 2) for n in range(_NUMBERS)]
    fixed = [*language.function_words, language.comma]
    skeletons = _make_skeletons(len(language.function_words), rng)
    lengths = np.array([len(x) for x in skeletons], dtype=np.int64)
    words_per_name = 2 if language.word_separator else 1
    comma = len(language.function_words)
    words = sum(sum(words_per_name if x == _NAME else x != comma for x in skeleton) for skeleton in skeletons)
    return Lexicon(
        language=language,
        tokens=np.array([*fixed, *content, *names, *numbers], dtype=object),
        content_start=len(fixed),
        names_start=len(fixed) + len(content),
        numbers_start=len(fixed) + len(content) + len(names),
        content_table=zipf_table(size=_CONTENT_WORDS, offset=_CONTENT_OFFSET, bits=_CONTENT_BITS),
        names_table=zipf_table(size=_NAMES, offset=_CONTENT_OFFSET, bits=14),
        skeleton_tokens=np.concatenate([np.array(x, dtype=np.int64) for x in skeletons]),
        skeleton_starts=np.cumsum(lengths) - lengths,
        skeleton_lengths=lengths,
        mean_words=words / len(skeletons),
    )


def _take_distinct(words: Iterator[str], count: int, used: set[str]) -> list[str]:
    """Return the next `count` words that are not in `used`, and add them to it."""
    distinct: list[str] = []
    while len(distinct) < count:
        word = next(words)
        if word not in used:
            used.add(word)
            distinct.append(word)
    return distinct


def _generate_words(language: Language, rng: Rng) -> Iterator[str]:
    """Yield words without end: one or two open syllables and a coda. In a script without spaces: two ideographs."""
    parts = (language.onsets, language.nuclei, language.codas)
    # A larger offset makes the frequencies of 2,500 ideographs fall more slowly than those of 30 consonants.
    tables = [zipf_table(size=len(part), offset=3 + len(part) // 40, bits=14) for part in parts]
    while True:
        onsets, nuclei, codas = (rng.sample(table, 3 * _BLOCK_SIZE).tolist() for table in tables)
        syllables = [parts[0][a] + parts[1][b] for a, b in zip(onsets, nuclei, strict=True)]
        has_spaces = bool(language.word_separator)
        extra = (rng.uint64(_BLOCK_SIZE) >> np.uint64(63)).tolist() if has_spaces else [0] * _BLOCK_SIZE
        for n, more in enumerate(extra):
            yield "".join(syllables[3 * n : 3 * n + 2 + more]) + parts[2][codas[n]]


def _generate_names(language: Language, rng: Rng) -> Iterator[str]:
    """Yield names without end: two capitalised words. In a script without spaces: three ideographs."""
    words = _generate_words(language, rng)
    while True:
        if language.word_separator:
            yield next(words).title() + language.word_separator + next(words).title()
        else:
            yield next(words) + next(words)[:1]


def _make_skeletons(function_words: int, rng: Rng) -> list[list[int]]:
    """Return skeletons: numbers of function words and the comma (number `function_words`), negative for slots."""
    table: list[int] = zipf_table(size=function_words, offset=3, bits=14).tolist()
    return [_make_skeleton(function_words, table, rng) for _ in range(_SKELETONS)]


def _make_skeleton(comma: int, table: list[int], rng: Rng) -> list[int]:
    length = _MIN_WORDS + rng.randbelow(_MAX_WORDS - _MIN_WORDS + 1)
    skeleton: list[int] = []
    while len(skeleton) < length:
        skeleton += (rng.choice(table) for _ in range(1 + (rng.randbelow(4) == 0)))
        skeleton += (rng.choice(_SLOTS) for _ in range(1 + rng.randbelow(2)))
        if rng.randbelow(8) == 0:
            skeleton.append(comma)
    return [*(skeleton[:-1] if skeleton[-1] == comma else skeleton), _CONTENT]


def _draw_tokens(lexicon: Lexicon, rng: Rng, count: int) -> tuple[NDArray[np.int64], list[int]]:
    """Return the token numbers of `count` sentences, end to end, and the end position of each sentence."""
    drawn = (rng.uint64(count) % np.uint64(_SKELETONS)).astype(np.int64)
    lengths = lexicon.skeleton_lengths[drawn]
    ends = np.cumsum(lengths)
    offsets = np.repeat(lexicon.skeleton_starts[drawn] - (ends - lengths), lengths)
    tokens = lexicon.skeleton_tokens[np.arange(int(ends[-1])) + offsets]
    slots = np.flatnonzero(tokens == _CONTENT)
    tokens[slots] = lexicon.content_start + rng.sample(lexicon.content_table, slots.size)
    slots = np.flatnonzero(tokens == _NUMBER)
    tokens[slots] = lexicon.numbers_start + (rng.uint64(slots.size) % np.uint64(_NUMBERS)).astype(np.int64)
    slots = np.flatnonzero(tokens == _NAME)
    topics = count // _SENTENCES_PER_TOPIC + 1
    topic_names = rng.sample(lexicon.names_table, topics * _NAMES_PER_TOPIC)
    topic = np.searchsorted(ends, slots, side="right") // _SENTENCES_PER_TOPIC
    nth = (rng.uint64(slots.size) % np.uint64(_NAMES_PER_TOPIC)).astype(np.int64)
    tokens[slots] = lexicon.names_start + topic_names[topic * _NAMES_PER_TOPIC + nth]
    return tokens, ends.tolist()


def _generate_sentences(lexicon: Lexicon, rng: Rng, count: int) -> list[str]:
    tokens, ends = _draw_tokens(lexicon, rng, count)
    words = lexicon.tokens[tokens].tolist()
    language = lexicon.language
    spaced_comma = language.word_separator + language.comma
    sentences, start = [], 0
    for end in ends:
        sentence = language.word_separator.join(words[start:end]).replace(spaced_comma, language.comma)
        sentences.append(sentence[0].upper() + sentence[1:] + language.full_stop)
        start = end
    return sentences


class SentenceGenerator:
    """A generator of sentences in one language, without end. Neighbouring sentences share names."""

    __slots__ = ("_rng", "_sentences", "_stock", "_stock_table", "_words", "lexicon")

    def __init__(self, lexicon: Lexicon, *seeds: int) -> None:
        self.lexicon = lexicon
        self._rng = Rng(*seeds, lexicon.language.seed)
        self._sentences: list[str] = []
        self._words: list[str] = []
        self._stock = _generate_sentences(lexicon, Rng(FIXED_SEED, lexicon.language.seed, 1), _STOCK_SENTENCES)
        self._stock_table: list[int] = zipf_table(size=_STOCK_SENTENCES, offset=3, bits=10).tolist()

    def sentences(self, count: int) -> list[str]:
        """Generate `count` sentences."""
        while len(self._sentences) < count:
            self._sentences += _generate_sentences(self.lexicon, self._rng, _BLOCK_SIZE)
        start = len(self._sentences) - count
        sentences = self._sentences[start:]
        del self._sentences[start:]
        return sentences

    def content_word(self) -> str:
        """Draw a content word, by its frequency in the text."""
        if not self._words:
            tokens = self.lexicon.content_start + self._rng.sample(self.lexicon.content_table, _BLOCK_SIZE)
            self._words = self.lexicon.tokens[tokens].tolist()
        return self._words.pop()

    def stock_sentence(self) -> str:
        """Draw a sentence that many stories of the language share. A few stock sentences are far more frequent."""
        return self._stock[self._rng.choice(self._stock_table)]

    def headline(self) -> str:
        """Generate a headline. It is too short to count as a sentence of a text."""
        language = self.lexicon.language
        (sentence,) = self.sentences(1)
        bare = sentence.replace(language.comma, "")
        if not language.word_separator:
            return bare[:_HEADLINE_CHARACTERS]
        return language.word_separator.join(bare.split(language.word_separator)[:_HEADLINE_WORDS])

    def edit(self, sentence: str) -> str:
        """Return the sentence with one to three inner words replaced."""
        for _ in range(1 + self._rng.randbelow(3)):
            sentence = self._replace_word(sentence)
        return sentence

    def _replace_word(self, sentence: str) -> str:
        separator, word = self.lexicon.language.word_separator, self.content_word()
        if not separator:
            at = 1 + self._rng.randbelow(len(sentence) - 4)
            return sentence[:at] + word + sentence[at + len(word) :]
        words = sentence.split(separator)
        words[1 + self._rng.randbelow(len(words) - 2)] = word
        return separator.join(words)
