"""Which story is printed again, and how its text is changed on the way.

May live here: the relations between a reprint and its story, and the memory of recent ones. May not: sites, pages,
identifiers, times.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Generic, TypeVar

from reprise.synthetic.rng import Rng
from reprise.synthetic.vocabulary import Prose

T = TypeVar("T")

Sentences = tuple[str, ...]


class Relation(StrEnum):
    """What an article is to its story; the label `kind` of the gold."""

    FOUNDER = "founder"
    EXACT = "exact"
    NEAR = "near"
    CUT = "cut"
    EXTENDED = "extended"
    EXCERPT = "excerpt"
    REVISION = "revision"


#: How many in 20 reprints are of each kind, unless asked for otherwise.
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

#: Denominator of a skew: with tenths the numbers compared stay below 400 bits.
_SKEW_STEPS = 10

#: faces of the die that decides on a story's tickets
_FACES = 1 << 32

#: A story of fewer sentences could not be cut and still be told.
_FEWEST_SENTENCES = 4

#: one sentence in so many is a stock phrase, on average
_STOCK_EVERY = 40


class RecentStories(Generic[T]):
    """The last stories, by their tickets in the draw for what is printed next.

    A story has k tickets or more with probability k ** (-1 / skew), cut at one for each story within reach. With a skew
    of 1 that is Zipf's law: most stories are printed once and a few everywhere. With 0 all are alike. Newer tickets are
    drawn more often, the oldest are overwritten.
    """

    __slots__ = ("_most", "_next", "_ring", "_size", "_skew")

    def __init__(self, *, reach: int, skew: float) -> None:
        """Remember about `reach` stories. `skew` is in 0..1, rounded to a tenth."""
        self._ring: list[T] = []
        self._next = 0
        self._most = reach
        self._skew = Fraction(round(skew * _SKEW_STEPS), _SKEW_STEPS)
        self._size = reach * _mean_tickets(self._skew, reach)

    def __len__(self) -> int:
        return len(self._ring)

    def add(self, story: T, dice: Rng) -> None:
        """Remember a story, in the place of the oldest tickets when full."""
        for _ in range(tickets(1 + dice.below(_FACES), self._skew, self._most)):
            if len(self._ring) < self._size:
                self._ring.append(story)
            else:
                self._ring[self._next] = story
            self._next = (self._next + 1) % self._size

    def draw(self, dice: Rng) -> T | None:
        """Draw a recent story, the newer the likelier; None when nothing was added yet."""
        if not self._ring:
            return None
        age = dice.below(dice.below(len(self._ring)) + 1)
        return self._ring[self._next - 1 - age]


def tickets(face: int, skew: Fraction, most: int) -> int:
    """Give the tickets of a story that threw `face` (1..2**32): (2**32 / face) ** skew, rounded down, up to `most`.

    Compared in integers, k**q * face**p <= 2**32p for a skew of p / q, since a power of floats is not the same
    everywhere.
    """
    p, q = skew.numerator, skew.denominator
    power, limit = face**p, _FACES**p
    return 1 + bisect_left(range(2, most + 1), True, key=lambda k: k**q * power > limit)


def _mean_tickets(skew: Fraction, most: int) -> int:
    """Round up the mean of a story's tickets."""
    if not skew:
        return 1
    # rounded first, so that a last bit that differs by platform does not make another number
    return math.ceil(round(sum(math.pow(k, -1 / skew) for k in range(1, most + 1)), 6))


def write_story(prose: Prose, dice: Rng, words: int) -> Sentences:
    """Tell a new story of about so many words."""
    count = max(_FEWEST_SENTENCES, round(words / prose.lexicon.mean_words))
    sentences = prose.take(count)
    for at in range(count):
        if dice.below(_STOCK_EVERY) == 0:
            sentences[at] = prose.stock()
    return tuple(sentences)


def make_reprint(relation: Relation, sentences: Sentences, prose: Prose, dice: Rng) -> Sentences:
    """Change the story's sentences as an article of that relation does."""
    return _CHANGES[relation](sentences, prose, dice)


def _same(sentences: Sentences, _prose: Prose, _dice: Rng) -> Sentences:
    return sentences


def _near(sentences: Sentences, prose: Prose, dice: Rng) -> Sentences:
    """Edit a few words of some sentences, one in ten to four in ten, and of at least one."""
    share = (1 + dice.below(4)) / 10
    certain = dice.below(len(sentences))
    return tuple(prose.edited(x) if n == certain or dice.chance(share) else x for n, x in enumerate(sentences))


def _cut(sentences: Sentences, _prose: Prose, dice: Rng) -> Sentences:
    """Keep two to four fifths of the story, from its first sentence or its second."""
    keep = _portion(len(sentences), 8, 16, dice)
    first = dice.below(3) // 2
    return sentences[first : first + keep]


def _extended(sentences: Sentences, prose: Prose, dice: Rng) -> Sentences:
    """Add a quarter to three quarters of the story's length, some of it in the middle."""
    added = prose.take(_portion(len(sentences), 5, 15, dice))
    at, inside = dice.below(len(sentences)) + 1, dice.below(len(added) + 1)
    return (*sentences[:at], *added[:inside], *sentences[at:], *added[inside:])


def _excerpt(sentences: Sentences, prose: Prose, dice: Rng) -> Sentences:
    """Quote two to three fifths of the story in a row, inside a text of one's own that is half to once as long."""
    quoted = _portion(len(sentences), 8, 12, dice)
    first = dice.below(len(sentences) - quoted + 1)
    own = prose.take(_portion(quoted, 10, 20, dice))
    at = dice.below(len(own) + 1)
    return (*own[:at], *sentences[first : first + quoted], *own[at:])


def _revised(sentences: Sentences, prose: Prose, dice: Rng) -> Sentences:
    """Edit one or two sentences and add one in front of the last, as an author who came back to the page does."""
    revised = list(sentences)
    for _ in range(1 + dice.below(2)):
        at = dice.below(len(revised))
        revised[at] = prose.edited(revised[at])
    return (*revised[:-1], *prose.take(1), revised[-1])


def _portion(count: int, least: int, most: int, dice: Rng) -> int:
    """Draw `least` to `most` twentieths of `count`, at least 1."""
    return max(1, count * (least + dice.below(most - least + 1)) // 20)


_CHANGES: Mapping[Relation, Callable[[Sentences, Prose, Rng], Sentences]] = MappingProxyType(
    {
        Relation.EXACT: _same,
        Relation.NEAR: _near,
        Relation.CUT: _cut,
        Relation.EXTENDED: _extended,
        Relation.EXCERPT: _excerpt,
        Relation.REVISION: _revised,
    }
)
