"""From offsets into the normalised text back to offsets into the text as it was."""

from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

import numpy as np
import regex
from numpy.typing import NDArray

from reprise.dedup.text.characters import CharClass, char_classes
from reprise.dedup.text.hashing import Offsets
from reprise.dedup.text.tokens import normalise

#: White space never composes with what stands around it, so each run and each word normalises by itself.
_RUN: Final = regex.compile(r"\s+|\S+")

_CLUSTER: Final = regex.compile(r"\X")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOffsets:
    """For each character of `Tokens.text`, the range of the original text that it comes from."""

    begins: Offsets
    ends: Offsets


def source_offsets(text: str) -> SourceOffsets:
    """Trace the characters that `tokenise(normalise(text))` works on back to `text`, a grapheme cluster at a time.

    The text must be stream-safe, as normalising it would make it.
    """
    begins: list[int] = []
    ends: list[int] = []
    for run in _RUN.finditer(text):
        for begin, end, length in _units(run.group(), run.start()):
            begins += [begin] * length
            ends += [end] * length
    kept = ~_ignored(normalise(text))
    return SourceOffsets(begins=np.asarray(begins, dtype=np.intp)[kept], ends=np.asarray(ends, dtype=np.intp)[kept])


def _units(run: str, at: int) -> list[tuple[int, int, int]]:
    """Cut a run into (begin, end, normalised length): its grapheme clusters, or the whole where they compose on."""
    clusters = [(at + each.start(), at + each.end(), len(normalise(each.group()))) for each in _CLUSTER.finditer(run)]
    # the length alone: a sigma's lower case depends on its neighbours, and a composed letter's length does not lie
    whole = len(normalize("NFKC", run).lower())
    return clusters if sum(length for *_, length in clusters) == whole else [(at, at + len(run), whole)]


def _ignored(normalised: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """The invisible characters, which `tokenise` leaves out."""
    ignored: NDArray[np.bool_] = (char_classes()[normalised] & np.uint16(CharClass.IGNORABLE)) != 0
    return ignored
