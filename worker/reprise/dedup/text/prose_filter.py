"""Keep the segments of a text that are prose; drop menus, link bars, headlines, captions and legal notices."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.phrases import compile_phrases, find_phrases
from reprise.dedup.text.tokens import Tokens

#: Minimum words of a segment. On the SpotSigs pages, 15 keeps the paragraphs and drops most menus (F1 .929; .926 with
#: 20 words). HTML extraction has already dropped most boilerplate, so shorter paragraphs are safe there.
MIN_WORDS_TEXT: Final = 15
MIN_WORDS_HTML: Final = 12

#: A segment with at least two menu separators, and at least one in this many words, is a link bar.
WORDS_PER_SEPARATOR: Final = 12

#: If no segment is long enough, the whole text counts as prose if a sentence ends at least once in this many words.
MAX_WORDS_PER_SENTENCE: Final = 40

#: Phrases of legal notices, normalised. Notices are long enough, end in a full stop and occur on pages of many sites. A
#: short list suffices because notices are formulaic.
LEGAL_PHRASES: Final = (
    "©",
    "(c) 19",
    "(c) 20",
    "copyright",
    "all rights reserved",
    "rewritten or redistributed",
    "terms of use",
    "terms of service",
    "privacy policy",
    "tous droits r",
    "alle rechte vorbehalten",
    "todos los derechos",
    "todos os direitos",
    "tutti i diritti",
    "все права защищены",
)

#: Only a segment below this many words counts as a legal notice; a longer one may be a report about a copyright case.
MAX_LEGAL_WORDS: Final = 80
_LEGAL: Final = compile_phrases(LEGAL_PHRASES)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentChecks:
    """The word count of each segment and the reasons to drop it; arrays of shape (segments,)."""

    words: NDArray[np.float64]
    too_short: NDArray[np.bool_]
    no_sentence_end: NDArray[np.bool_]
    link_bar: NDArray[np.bool_]
    legal: NDArray[np.bool_]


def check_segments(tokens: Tokens, min_words: int) -> SegmentChecks:
    """Check each segment by itself. There must be at least one token."""
    # Rounded, because 25 ideographs of 0.6 words must count as 15 words.
    words = np.asarray(np.bincount(tokens.segments, weights=tokens.word_weights), dtype=np.float64).round(6)
    return SegmentChecks(
        words=words,
        too_short=words < min_words,
        no_sentence_end=tokens.sentence_end_counts < 1,
        link_bar=(tokens.separator_counts >= 2) & (tokens.separator_counts * WORDS_PER_SEPARATOR >= words),
        legal=(words < MAX_LEGAL_WORDS) & _has_legal_phrase(tokens),
    )


def keep_prose(tokens: Tokens, min_words: int) -> NDArray[np.bool_]:
    """Mark the tokens of prose segments, shape (tokens,); none of a text that is only boilerplate.

    If no segment of a text is kept, its short segments are checked together: they may be one poem or a list of brief
    paragraphs.
    """
    if not len(tokens):
        return np.zeros(0, dtype=np.bool_)
    checks = check_segments(tokens, min_words)
    no_boilerplate = ~(checks.link_bar | checks.legal)
    kept = no_boilerplate & ~(checks.too_short | checks.no_sentence_end)
    for segments in tokens.segment_slices:
        if not kept[segments].any():
            rest = np.arange(segments.start, segments.stop)[no_boilerplate[segments]]
            words = checks.words[rest].sum().round(6)
            sentence_ends, separators = tokens.sentence_end_counts[rest].sum(), tokens.separator_counts[rest].sum()
            is_link_bar = separators * WORDS_PER_SEPARATOR >= max(words, 2 * WORDS_PER_SEPARATOR)
            kept[rest] = (words >= min_words) & (sentence_ends * MAX_WORDS_PER_SENTENCE >= words) & ~is_link_bar
    return kept.take(tokens.segments)


def _has_legal_phrase(tokens: Tokens) -> NDArray[np.bool_]:
    """Mark the segments that contain a phrase of legal notices."""
    return tokens.count_by_segment(find_phrases(tokens.characters, _LEGAL)) > 0
