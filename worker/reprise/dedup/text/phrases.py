"""Find the phrases of a list in a text, at a cost that does not grow with the list.

All windows of four characters are looked up at once in a table of the hashes of the phrases' first four characters; the
candidates are then compared in full (Karp and Rabin, "Efficient randomized pattern-matching algorithms", 1987, for many
patterns of one length).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.code_points import to_code_points
from reprise.dedup.text.hashing import Offsets

#: Characters of a phrase's head, which is looked up. Shorter heads would be common words; longer ones would exclude
#: phrases of four ideographs.
_HEAD_CHARACTERS: Final = 4

#: Odd multipliers that spread pairs of small code points, and pairs of such pairs, over 16 bits.
_PAIR_FACTOR: Final = np.uint16(0x9E37)
_HEAD_FACTOR: Final = np.uint16(0x6A4D)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseMatcher:
    """A compiled list of normalised phrases.

    characters        phrases of one character, as code points
    phrases           phrases of four characters or more, as the bytes of their code points
    longest           characters of the longest phrase
    is_head_hash      whether a phrase starts with characters of this hash, shape (65,536,)
    """

    characters: tuple[int, ...]
    phrases: tuple[bytes, ...]
    longest: int
    is_head_hash: NDArray[np.bool_]


def compile_phrases(phrases: Sequence[str]) -> PhraseMatcher:
    """Compile a list of normalised phrases. Raises ValueError for a phrase of two or three characters."""
    longer = tuple(phrase for phrase in phrases if len(phrase) > 1)
    if short := [phrase for phrase in longer if len(phrase) < _HEAD_CHARACTERS]:
        raise ValueError(f"a phrase must have 1 character, or {_HEAD_CHARACTERS} or more: {short}")
    is_head_hash = np.zeros(1 << 16, dtype=np.bool_)
    for phrase in longer:
        is_head_hash[_head_hashes(to_code_points(phrase[:_HEAD_CHARACTERS]))] = True
    return PhraseMatcher(
        characters=tuple(ord(phrase) for phrase in phrases if len(phrase) == 1),
        phrases=tuple(to_code_points(phrase).tobytes() for phrase in longer),
        longest=max(map(len, longer), default=0),
        is_head_hash=is_head_hash,
    )


def find_phrases(text: NDArray[np.uint32], matcher: PhraseMatcher) -> Offsets:
    """Return the offsets in a text, as code points, at which a phrase starts; in no particular order."""
    candidates = matcher.is_head_hash.take(_head_hashes(text)).nonzero()[0].tolist()
    matches = [at for at in candidates if text[at : at + matcher.longest].tobytes().startswith(matcher.phrases)]
    single = [(text == character).nonzero()[0] for character in matcher.characters]
    return np.concatenate((np.array(matches, dtype=np.intp), *single))


def _head_hashes(text: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Hash the four characters from each offset on, shape (characters - 3,)."""
    units = text.astype(np.uint16)
    pairs = units[:-1] * _PAIR_FACTOR + units[1:]
    return pairs[:-2] * _HEAD_FACTOR + pairs[2:]
