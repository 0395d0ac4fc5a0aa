"""Where phrases of a list stand in a text, at a cost that does not grow with the list.

The text's runs of four characters are looked up, all at once, in a table of those that a phrase begins with; what is
found there is compared in full. See Karp and Rabin, 1987, for searching many patterns by hashes of one length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.code_points import code_points
from reprise.dedup.text.hashing import Offsets

#: Characters that are looked up. Fewer would be common words; more would leave no room for phrases of four ideographs.
_HEAD: Final = 4

#: Odd multipliers: they spread pairs of small code points over 16 bits, and pairs of pairs.
_PAIR: Final = np.uint16(0x9E37)
_QUAD: Final = np.uint16(0x6A4D)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrases:
    """A list of phrases, each normalised.

    signs    those of one character, as code points
    phrases  the others, of four characters or more, as the bytes of their code points
    longest  characters of the longest of them
    begins   whether a phrase begins with characters of this hash, shape (65,536,)
    """

    signs: tuple[int, ...]
    phrases: tuple[bytes, ...]
    longest: int
    begins: NDArray[np.bool_]


def compile_phrases(phrases: Sequence[str]) -> Phrases:
    """Prepare a list of phrases. Raises ValueError for one of two or three characters."""
    longer = tuple(phrase for phrase in phrases if len(phrase) > 1)
    if short := [phrase for phrase in longer if len(phrase) < _HEAD]:
        raise ValueError(f"a phrase has one character, or {_HEAD} and more: {short}")
    begins = np.zeros(1 << 16, dtype=np.bool_)
    for phrase in longer:
        begins[_heads(code_points(phrase[:_HEAD]))] = True
    return Phrases(
        signs=tuple(ord(phrase) for phrase in phrases if len(phrase) == 1),
        phrases=tuple(code_points(phrase).tobytes() for phrase in longer),
        longest=max(map(len, longer), default=0),
        begins=begins,
    )


def find_phrases(characters: NDArray[np.uint32], wanted: Phrases) -> Offsets:
    """Offsets at which a phrase begins, in no order."""
    likely = wanted.begins.take(_heads(characters)).nonzero()[0].tolist()
    found = [at for at in likely if characters[at : at + wanted.longest].tobytes().startswith(wanted.phrases)]
    signs = [(characters == sign).nonzero()[0] for sign in wanted.signs]
    return np.concatenate((np.array(found, dtype=np.intp), *signs))


def _heads(characters: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """A hash of the four characters that begin at each offset, but at the last three."""
    units = characters.astype(np.uint16)
    pairs = units[:-1] * _PAIR + units[1:]
    return pairs[:-2] * _QUAD + pairs[2:]
