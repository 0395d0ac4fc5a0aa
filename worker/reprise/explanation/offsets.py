"""Map offsets in the normalised text to offsets in the original text."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import regex

from reprise.dedup.text.characters import CharClass
from reprise.dedup.text.hashing import Offsets
from reprise.dedup.text.normalisation import normalise

#: White space never composes with its neighbours, so each run of white space and each word normalises by itself.
_RUN: Final = regex.compile(r"\s+|\S+")

_GRAPHEME_CLUSTER: Final = regex.compile(r"\X")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOffsets:
    """The range of the original text that each character of `Tokens.text` comes from; arrays of shape (characters,)."""

    starts: Offsets
    ends: Offsets


def source_offsets(text: str) -> SourceOffsets:
    """Return the origin of each character that `tokenise(normalise(text))` processes, by grapheme clusters (UAX #29).

    The text must have gone through limit_marks.
    """
    starts: list[int] = []
    ends: list[int] = []
    for run in _RUN.finditer(text):
        for start, end, length in _units(run.group(), run.start()):
            starts += [start] * length
            ends += [end] * length
    kept = (normalise(text).classes & np.uint16(CharClass.IGNORABLE)) == 0
    return SourceOffsets(starts=np.asarray(starts, dtype=np.intp)[kept], ends=np.asarray(ends, dtype=np.intp)[kept])


def _units(run: str, offset: int) -> list[tuple[int, int, int]]:
    """Split a run into units of (start, end, normalised length).

    The units are grapheme clusters, or the whole run if clusters compose with each other.
    """
    clusters = [
        (offset + cluster.start(), offset + cluster.end(), len(normalise(cluster.group()).characters))
        for cluster in _GRAPHEME_CLUSTER.finditer(run)
    ]
    # Composition always changes the length.
    length = len(normalise(run).characters)
    return clusters if sum(units for *_, units in clusters) == length else [(offset, offset + len(run), length)]
