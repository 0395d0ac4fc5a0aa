"""Call the text step in Rust: pass it the tables, and convert its results."""

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import char_classes, normal_forms, white_space
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.prose_filter import LEGAL_PHRASES
from reprise.dedup.text.signature import permutation_constants
from reprise.dedup.text.tokens import REPLACEMENTS, normalise
from reprise.model import Signature

if TYPE_CHECKING:
    from reprise.dedup.text._native import TextSigner


def sign_texts(
    texts: Sequence[tuple[str, int]], permutations: int, sketch_size: int
) -> Sequence[tuple[bytes, Signature | None]]:
    """Return the content hash and the signature of each text; the module must be installed.

    texts  pairs of a text and the minimum words of its segments
    """
    return [
        (content_hash, _signature(*packed) if packed else None)
        for content_hash, packed in _text_signer(permutations, sketch_size).fingerprint_batch(texts)
    ]


@cache
def _text_signer(permutations: int, sketch_size: int) -> "TextSigner":
    from reprise.dedup.text._native import TextSigner  # noqa: PLC0415 - an optional module

    multipliers, offsets = permutation_constants(permutations)
    return TextSigner(
        char_classes=char_classes(),
        normal_forms=normal_forms(),
        white_space=white_space(),
        replacements=REPLACEMENTS,
        legal_phrases=LEGAL_PHRASES,
        multipliers=multipliers.ravel(),
        offsets=offsets.ravel(),
        sketch_size=sketch_size,
        normalise=_join_and_normalise,
    )


def _join_and_normalise(text: str) -> NDArray[np.uint32]:
    return normalise(join_wrapped_lines(text))


def _signature(rows: bytes, sketch: bytes, sentence_ids: bytes, shingle_count: int, word_count: int) -> Signature:
    return Signature(
        rows=rows,
        sketch=sketch,
        sentence_ids=sentence_ids,
        shingle_count=shingle_count,
        word_count=word_count,
    )
