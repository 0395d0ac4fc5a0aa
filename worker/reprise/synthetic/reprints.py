"""Draw the story to reprint, and derive a reprint's text from its story.

Everything here works on sentences: sites, pages, ids and times belong to crawl.py and sites.py.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Generic, TypeVar

from reprise.synthetic.rng import Rng
from reprise.synthetic.vocabulary import SentenceGenerator

T = TypeVar("T")

Sentences = tuple[str, ...]


class Relation(StrEnum):
    """The relation of an article to its story; the value of the label `kind`."""

    FOUNDER = "founder"
    EXACT = "exact"
    NEAR = "near"
    CUT = "cut"
    EXTENDED = "extended"
    EXCERPT = "excerpt"
    REVISION = "revision"


#: default weights of the kinds of reprints; they sum to 20
REPRINTS: Mapping[str, int] = MappingProxyType(
    {
        Relation.EXACT: 3,
        Relation.NEAR: 5,
        Relation.CUT: 5,
        Relation.EXTENDED: 3,
        Relation.EXCERPT: 2,
        Relation.REVISION: 2,
    }
)

#: denominator of a skew; with tenths the compared integers stay below 400 bits
_SKEW_STEPS = 10

#: number of equally likely draws that decide a story's ticket count
_TICKET_DRAWS = 1 << 32

#: fewest sentences of a story, so that a cut one still has a few
_MIN_SENTENCES = 4

#: mean number of sentences for each stock sentence among them
_STOCK_INTERVAL = 40


class RecentStories(Generic[T]):
    """The recent stories, each with a number of tickets in the draw for the next reprint.

    A story has k tickets or more with probability k ** (-1 / skew), at most `reach` tickets. With a skew of 1 this is
    Zipf's law: most stories are printed once and a few very often. With a skew of 0 all stories are alike. New tickets
    are drawn more often than old ones, and overwrite the oldest.
    """

    __slots__ = ("_capacity", "_max_tickets", "_next", "_ring", "_skew")

    def __init__(self, *, reach: int, skew: float) -> None:
        """Hold about `reach` stories. `skew` is in 0..1 and is rounded to a tenth."""
        self._ring: list[T] = []
        self._next = 0
        self._max_tickets = reach
        self._skew = Fraction(round(skew * _SKEW_STEPS), _SKEW_STEPS)
        self._capacity = reach * _mean_ticket_count(self._skew, reach)

    def __len__(self) -> int:
        return len(self._ring)

    def add(self, story: T, rng: Rng) -> None:
        """Add a story. When the ring is full, its tickets overwrite the oldest ones."""
        for _ in range(ticket_count(1 + rng.randbelow(_TICKET_DRAWS), self._skew, self._max_tickets)):
            if len(self._ring) < self._capacity:
                self._ring.append(story)
            else:
                self._ring[self._next] = story
            self._next = (self._next + 1) % self._capacity

    def draw(self, rng: Rng) -> T | None:
        """Draw a story, newer ones with a higher probability. Return None before the first `add`."""
        if not self._ring:
            return None
        age = rng.randbelow(rng.randbelow(len(self._ring)) + 1)
        return self._ring[self._next - 1 - age]


def ticket_count(draw: int, skew: Fraction, max_tickets: int) -> int:
    """Return the ticket count of a story: (2**32 / draw) ** skew, rounded down, at most `max_tickets`.

    `draw` is in 1..2**32. The comparison k**q * draw**p <= 2**32p, for a skew of p / q, uses integers, because a
    floating-point power differs between platforms.
    """
    p, q = skew.numerator, skew.denominator
    power, limit = draw**p, _TICKET_DRAWS**p
    return 1 + bisect_left(range(2, max_tickets + 1), True, key=lambda k: k**q * power > limit)


def _mean_ticket_count(skew: Fraction, max_tickets: int) -> int:
    """Return the mean ticket count of a story, rounded up."""
    if not skew:
        return 1
    # Rounding to six digits first hides a last bit that differs between platforms from ceil.
    return math.ceil(round(sum(math.pow(k, -1 / skew) for k in range(1, max_tickets + 1)), 6))


def write_story(generator: SentenceGenerator, rng: Rng, words: int) -> Sentences:
    """Return the sentences of a new story of about `words` words."""
    count = max(_MIN_SENTENCES, round(words / generator.lexicon.mean_words))
    sentences = generator.sentences(count)
    for at in range(count):
        if rng.randbelow(_STOCK_INTERVAL) == 0:
            sentences[at] = generator.stock_sentence()
    return tuple(sentences)


def make_reprint(relation: Relation, sentences: Sentences, generator: SentenceGenerator, rng: Rng) -> Sentences:
    """Return the sentences of a reprint with the given relation to the story."""
    return _TRANSFORMS[relation](sentences, generator, rng)


def _copy(sentences: Sentences, _generator: SentenceGenerator, _rng: Rng) -> Sentences:
    return sentences


def _edit(sentences: Sentences, generator: SentenceGenerator, rng: Rng) -> Sentences:
    """Edit a few words in 10 % to 40 % of the sentences, and in at least one sentence."""
    share = (1 + rng.randbelow(4)) / 10
    always = rng.randbelow(len(sentences))
    return tuple(
        generator.edit(sentence) if n == always or rng.bernoulli(share) else sentence
        for n, sentence in enumerate(sentences)
    )


def _cut(sentences: Sentences, _generator: SentenceGenerator, rng: Rng) -> Sentences:
    """Keep 40 % to 80 % of the story in a row, starting at its first or second sentence."""
    keep = _random_portion(len(sentences), 8, 16, rng)
    first = rng.randbelow(3) // 2
    return sentences[first : first + keep]


def _extend(sentences: Sentences, generator: SentenceGenerator, rng: Rng) -> Sentences:
    """Add 25 % to 75 % of the story's length: one part inside the story, the rest at its end."""
    added = generator.sentences(_random_portion(len(sentences), 5, 15, rng))
    at, inside = rng.randbelow(len(sentences)) + 1, rng.randbelow(len(added) + 1)
    return (*sentences[:at], *added[:inside], *sentences[at:], *added[inside:])


def _excerpt(sentences: Sentences, generator: SentenceGenerator, rng: Rng) -> Sentences:
    """Quote 40 % to 60 % of the story in a row, inside a new text of 50 % to 100 % of the quotation's length."""
    quoted = _random_portion(len(sentences), 8, 12, rng)
    first = rng.randbelow(len(sentences) - quoted + 1)
    own = generator.sentences(_random_portion(quoted, 10, 20, rng))
    at = rng.randbelow(len(own) + 1)
    return (*own[:at], *sentences[first : first + quoted], *own[at:])


def _revise(sentences: Sentences, generator: SentenceGenerator, rng: Rng) -> Sentences:
    """Edit one or two sentences and insert a new one before the last, like an author's update."""
    revised = list(sentences)
    for _ in range(1 + rng.randbelow(2)):
        at = rng.randbelow(len(revised))
        revised[at] = generator.edit(revised[at])
    return (*revised[:-1], *generator.sentences(1), revised[-1])


def _random_portion(count: int, min_twentieths: int, max_twentieths: int, rng: Rng) -> int:
    """Return a random portion of `count`, in twentieths between the two bounds, at least 1."""
    return max(1, count * (min_twentieths + rng.randbelow(max_twentieths - min_twentieths + 1)) // 20)


_TRANSFORMS: Mapping[Relation, Callable[[Sentences, SentenceGenerator, Rng], Sentences]] = MappingProxyType(
    {
        Relation.EXACT: _copy,
        Relation.NEAR: _edit,
        Relation.CUT: _cut,
        Relation.EXTENDED: _extend,
        Relation.EXCERPT: _excerpt,
        Relation.REVISION: _revise,
    }
)
