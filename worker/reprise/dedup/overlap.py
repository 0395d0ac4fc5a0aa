"""Find the hashes that an article and several other texts share, in one pass over their sketches. Pure.

All hashes are sorted together, each with the number of its text in its low bits. Equal hashes are then neighbours. This
takes a fifth of the time of binary searches, and gives the hashes that the other texts share with each other as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.sketch import FIGURE, Sketch, reach_of, sketch_of
from reprise.dedup.text.signature import SKETCH_BITS
from reprise.model import Signature

#: Bits of an integer that holds a hash and the number of a text, if the texts are few.
_NARROW_BITS: Final = 32


class SketchedText(Protocol):
    """A text of which the sketch and the number of shingles are known."""

    @property
    def sketch(self) -> Sketch:
        """Return the hashes, ascending."""

    @property
    def shingle_count(self) -> int:
        """Return the number of shingles of the whole text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """The hashes that an article and other texts share.

    hashes      the hashes that at least two of all these texts hold, ascending
    is_own      for each of `hashes`, whether the article holds it
    holds       for each other text and each of `hashes`, whether that text holds it; shape (texts, hashes)
    reaches     for each other text, the bound below which its sketch and that of the article hold all shingles
    own_counts  for each other text, the number of hashes of the article below its reach
    counts      for each other text, the number of its hashes below its reach
    removed     those of `holds` that `without` removed from the texts; None if none were
    """

    article: Signature
    texts: Sequence[SketchedText]
    hashes: Sketch
    is_own: NDArray[np.bool_]
    holds: NDArray[np.bool_]
    reaches: Sketch
    own_counts: Sequence[int]
    counts: Sequence[int]
    removed: NDArray[np.bool_] | None = None

    def shared(self) -> NDArray[np.bool_]:
        """Return `holds` without the hashes from the reach of each text on."""
        is_below: NDArray[np.bool_] = self.hashes < self.reaches[:, np.newaxis]
        is_below &= self.holds
        return is_below

    def count_figures(self, row: int) -> int:
        """Return the number of hashes of a text below its reach whose shingles contain a digit."""
        sketch, reach = self.texts[row].sketch, self.reaches[row]
        figures = int(np.count_nonzero(sketch[: sketch.searchsorted(reach)] & FIGURE))
        if self.removed is None:
            return figures
        removed = self.hashes[self.removed[row] & (self.hashes < reach)]
        return figures - int(np.count_nonzero(removed & FIGURE))

    def without(self, is_removed: NDArray[np.bool_], rows: Sequence[int]) -> "Overlap | None":
        """Return the overlap with some of the texts as if no text had some of `hashes`.

        is_removed  for each of `hashes`, whether it is removed; the article must hold it
        rows        the texts that the result has, in order

        Returns None if the article has no sampled hash left.
        """
        article = _remove_from_signature(self.article, self.hashes[is_removed])
        if article is None:
            return None
        holds = self.holds[rows]
        removed = holds & is_removed
        texts = [self.texts[row] for row in rows]
        reach = reach_of(sketch_of(article), article.shingle_count)
        reaches = [
            min(reach, _reach_without(text, self.hashes[held]) if count else reach_of(text.sketch, text.shingle_count))
            for text, held, count in zip(texts, removed, removed.sum(axis=1).tolist(), strict=True)
        ]
        bounds = np.array(reaches, dtype=np.uint32)
        removed_below = (removed & (self.hashes < bounds[:, np.newaxis])).sum(axis=1).tolist()
        return replace(
            self,
            article=article,
            texts=texts,
            is_own=self.is_own & ~is_removed,
            holds=holds & ~is_removed,
            reaches=bounds,
            own_counts=sketch_of(article).searchsorted(bounds).tolist(),
            counts=[
                _count_below(text.sketch, reach) - count
                for text, reach, count in zip(texts, reaches, removed_below, strict=True)
            ],
            removed=removed,
        )


def find_overlap(article: Signature, texts: Sequence[SketchedText]) -> Overlap:
    """Find the hashes that an article and other texts share."""
    own = sketch_of(article)
    sketches = [own, *(text.sketch for text in texts)]
    text_bits = len(texts).bit_length()
    dtype: type[np.unsignedinteger] = np.uint32 if SKETCH_BITS + text_bits <= _NARROW_BITS else np.uint64
    packed = np.concatenate(sketches).astype(dtype, copy=False)
    packed <<= dtype(text_bits)
    packed |= np.arange(len(sketches), dtype=dtype).repeat(list(map(len, sketches)))
    packed.sort()
    values = packed >> dtype(text_bits)
    is_repeated = np.zeros(len(values), dtype=bool)
    np.equal(values[1:], values[:-1], out=is_repeated[1:])
    is_shared = is_repeated.copy()
    is_shared[:-1] |= is_repeated[1:]
    is_first = ~is_repeated[is_shared]
    hashes = values[is_shared]
    holds = np.zeros((len(sketches), np.count_nonzero(is_first)), dtype=bool)
    holds[packed[is_shared] & dtype((1 << text_bits) - 1), is_first.cumsum() - 1] = True
    reach = reach_of(own, article.shingle_count)
    reaches = [min(reach, reach_of(text.sketch, text.shingle_count)) for text in texts]
    bounds = np.array(reaches, dtype=np.uint32)
    return Overlap(
        article=article,
        texts=texts,
        hashes=hashes[is_first].astype(np.uint32),
        is_own=holds[0],
        holds=holds[1:],
        reaches=bounds,
        own_counts=own.searchsorted(bounds).tolist(),
        counts=[_count_below(text.sketch, reach) for text, reach in zip(texts, reaches, strict=True)],
    )


def _count_below(sketch: Sketch, reach: int) -> int:
    if not len(sketch) or int(sketch[-1]) < reach:
        return len(sketch)
    return int(sketch.searchsorted(np.uint32(reach)))


def _reach_without(text: SketchedText, removed: Sketch) -> int:
    """Return the reach of a text as if it did not have some of its sampled shingles."""
    kept = text.sketch[_is_kept(text.sketch, removed)]
    return reach_of(kept, text.shingle_count - len(removed))


def _is_kept(sketch: Sketch, removed: Sketch) -> NDArray[np.bool_]:
    """Return, for each hash of a sketch, whether it is not among some hashes, all of which the sketch has."""
    is_kept = np.ones(len(sketch), dtype=bool)
    is_kept[sketch.searchsorted(removed)] = False
    return is_kept


def _remove_from_signature(signature: Signature, hashes: Sketch) -> Signature | None:
    """Return a signature as if its text did not have some of its sampled shingles; None if none of them is left.

    The rows are those of the whole text.
    """
    sketch = sketch_of(signature)
    is_kept = _is_kept(sketch, hashes)
    kept = len(sketch) - len(hashes)
    if not kept:
        return None
    return replace(
        signature,
        sketch=sketch[is_kept].tobytes(),
        sentence_ids=np.frombuffer(signature.sentence_ids, dtype=np.uint8)[is_kept].tobytes(),
        shingle_count=signature.shingle_count - len(hashes),
        # scaled, so that a sampled hash still represents the same number of words
        word_count=round(signature.word_count * kept / len(sketch)),
    )
