"""Call the text step in Rust: pass it the tables, and convert its results."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import normal_forms, source_classes, white_space
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.normalisation import REPLACEMENTS, normalise
from reprise.dedup.text.presentation import remove_presentation
from reprise.dedup.text.prose_filter import LEGAL_PHRASES
from reprise.dedup.text.signature import permutation_constants
from reprise.model import Signature

if TYPE_CHECKING:
    from reprise.dedup.text._native import TextSigner


#: Signers that are kept, one for each seed; they share the tables.
_CACHED_SIGNERS: Final = 1024


def sign_texts(
    texts: Sequence[tuple[str, int]], permutations: int, sketch_size: int, seed: int
) -> Sequence[tuple[bytes, Signature | None]]:
    """Return the content hash and the signature of each text; the module must be installed.

    texts  pairs of a text and the minimum words of its segments
    seed   seed of the permutations
    """
    return [
        (content_hash, _signature(*packed) if packed else None)
        for content_hash, packed in _text_signer(permutations, sketch_size, seed).fingerprint_batch(texts)
    ]


@lru_cache(maxsize=_CACHED_SIGNERS)
def _text_signer(permutations: int, sketch_size: int, seed: int) -> "TextSigner":
    multipliers, offsets = permutation_constants(permutations, seed)
    return _signer_with_tables(sketch_size).with_permutations(multipliers=multipliers.ravel(), offsets=offsets.ravel())


@cache
def _signer_with_tables(sketch_size: int) -> "TextSigner":
    from reprise.dedup.text._native import TextSigner  # noqa: PLC0415 - an optional module

    none = np.array([], dtype=np.uint32)
    return TextSigner(
        normal_forms=normal_forms(),
        source_classes=source_classes(),
        white_space=white_space(),
        replacements=REPLACEMENTS,
        legal_phrases=LEGAL_PHRASES,
        multipliers=none,
        offsets=none,
        sketch_size=sketch_size,
        prepare=_prepare,
    )


def _prepare(text: str) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
    normalised = normalise(join_wrapped_lines(remove_presentation(text)))
    return normalised.characters, normalised.classes


def _signature(rows: bytes, sketch: bytes, sentence_ids: bytes, shingle_count: int, word_count: int) -> Signature:
    return Signature(
        rows=rows,
        sketch=sketch,
        sentence_ids=sentence_ids,
        shingle_count=shingle_count,
        word_count=word_count,
    )
