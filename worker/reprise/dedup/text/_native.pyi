"""The text step in Rust, built from worker/native and optional; native.py uses it."""

from collections.abc import Callable, Sequence
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

#: The TEXT_VERSION that the module was written for.
TEXT_VERSION: Final[int]

@final
class TextSigner:
    """The text step with the tables and the permutations that Python makes."""

    def __new__(
        cls,
        *,
        normal_forms: NDArray[np.uint32],
        source_classes: NDArray[np.uint16],
        white_space: str,
        replacements: Sequence[tuple[str, str]],
        legal_phrases: Sequence[str],
        multipliers: NDArray[np.uint32],
        offsets: NDArray[np.uint32],
        sketch_size: int,
        prepare: Callable[[str], tuple[NDArray[np.uint32], NDArray[np.uint16]]],
    ) -> TextSigner:
        """Copy the tables.

        white_space           the characters that `str.isspace` is true for
        replacements          as normalisation.REPLACEMENTS
        legal_phrases         as prose_filter.LEGAL_PHRASES
        multipliers, offsets  of the permutations, shape (permutations,)
        prepare               removes the presentation of a text, joins its wrapped lines and normalises it; returns the
                              characters and the classes of each. It is called for texts with Markdown, marks of
                              footnotes or time codes, and if a normal form depends on context
        """

    def with_permutations(self, *, multipliers: NDArray[np.uint32], offsets: NDArray[np.uint32]) -> TextSigner:
        """Return a text step with other permutations that shares the tables, which take 9 MB."""

    def fingerprint_batch(
        self, texts: Sequence[tuple[str, int]]
    ) -> Sequence[tuple[bytes, tuple[bytes, bytes, bytes, int, int] | None]]:
        """Fingerprint texts, each with the minimum words of a segment.

        Return the content hash of each text and, if a token is kept, its rows and its sketch (unsigned 32-bit
        integers, little-endian), its sentence ids (one byte for each hash of the sketch), its shingle count and its
        word count.
        """
