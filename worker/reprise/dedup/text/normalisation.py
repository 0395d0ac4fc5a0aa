"""Normalise text: one form for all characters that a reader does not tell apart."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import TEXT_END, char_classes, normal_forms, source_classes
from reprise.dedup.text.code_points import limit_marks, to_code_points

#: Frequent characters with an NFKC form of several characters. With these replaced first, most pages can be normalised
#: one character at a time.
REPLACEMENTS: Final = (("…", "..."), ("™", "TM"))

#: The lower case of a capital I with a dot, as Unicode's default rule has it: two characters, which never compose.
_DOTTED_I: Final = "i\u0307"

#: Maximum growth of a text by NFKC: to this many times its length, or to this many characters if that is more. Prose
#: grows by a tenth at most. One Arabic ligature becomes 18 letters, and a text of nothing else would take
#: 500 MB and 2 s.
_MAX_GROWTH: Final = 4
_MAX_GROWTH_CHARACTERS: Final = 1_000_000

_TEXT_SEPARATOR: Final = np.array([TEXT_END], dtype=np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """A normalised text.

    characters  code points in lower case
    classes     the classes of each, as CharClass, with the case that it had
    """

    characters: NDArray[np.uint32]
    classes: NDArray[np.uint16]


def normalise(text: str) -> Normalised:
    """Return the folded form (see characters.normal_forms) of the NFKC form (UAX #15) of a text.

    Runs of combining marks are limited first. A text that NFKC would lengthen beyond _MAX_GROWTH is not brought into
    NFKC. The function is idempotent, except for a few characters whose lower case decomposes further.
    """
    for character, replacement in REPLACEMENTS:
        text = text.replace(character, replacement)
    indexes = to_code_points(text).astype(np.intp)
    forms = normal_forms().take(indexes)
    if forms.all():
        return Normalised(characters=forms, classes=source_classes().take(indexes))
    limited = limit_marks(text)
    nfkc = "\u00a0".join(unicodedata.normalize("NFKC", part) for part in limited.split("\u00a0"))
    bounded = nfkc if len(nfkc) <= max(_MAX_GROWTH * len(text), _MAX_GROWTH_CHARACTERS) else limited
    points = to_code_points(bounded.replace(_DOTTED_I, "i"))
    forms = normal_forms().take(points)
    return Normalised(characters=np.where(forms, forms, points), classes=source_classes().take(points))


def concatenate(texts: Sequence[Normalised]) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    """Return the characters and the classes of texts, with TEXT_END between two."""
    if len(texts) == 1:
        return texts[0].characters, texts[0].classes
    separator_class = char_classes()[TEXT_END:]
    characters, classes = [texts[0].characters], [texts[0].classes]
    for text in texts[1:]:
        characters += (_TEXT_SEPARATOR, text.characters)
        classes += (separator_class, text.classes)
    return np.concatenate(characters), np.concatenate(classes)
