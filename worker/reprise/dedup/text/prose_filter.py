"""Which segments of a page are prose: sentences stay; menus, link bars, headlines and captions go."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.phrases import compile_phrases, find_phrases
from reprise.dedup.text.tokens import Tokens

#: Words a segment needs. Of SpotSigs' pages 15 keeps the paragraphs and loses most of the menus (20 words: F1 .926
#: against .929). HTML extraction has dropped most of the boilerplate already, and shorter paragraphs are safe there.
MIN_WORDS_TEXT: Final = 15
MIN_WORDS_HTML: Final = 12

#: A segment with two menu separators or more, and one in this many words or more, is a link bar.
WORDS_A_SEPARATOR: Final = 12

#: Where no segment is long enough, the whole text still reads like prose if a sentence ends in every this many words.
WORDS_A_STOP: Final = 40

#: Legal lines are long enough, end in a stop and stand on pages of many sites; a list is short because notices are
#: formulas. Only segments below LEGAL_WORDS: a report about a copyright case is no notice.
_LEGAL: Final = compile_phrases(
    (
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
)
LEGAL_WORDS: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentChecks:
    """What speaks against each segment, and how many words it is worth; arrays over segments."""

    words: NDArray[np.float64]
    too_short: NDArray[np.bool_]
    no_sentence_end: NDArray[np.bool_]
    link_bar: NDArray[np.bool_]
    legal: NDArray[np.bool_]


def check_segments(tokens: Tokens, min_words: int) -> SegmentChecks:
    """Judge each segment for itself (one token at least)."""
    # rounded, because 25 times 0.6 is to be 15
    words = np.asarray(np.bincount(tokens.segments, weights=tokens.words), dtype=np.float64).round(6)
    return SegmentChecks(
        words=words,
        too_short=words < min_words,
        no_sentence_end=tokens.stops < 1,
        link_bar=(tokens.separators >= 2) & (tokens.separators * WORDS_A_SEPARATOR >= words),
        legal=(words < LEGAL_WORDS) & _legal(tokens),
    )


def keep_prose(tokens: Tokens, min_words: int) -> NDArray[np.bool_]:
    """Mark the tokens to keep; none of a text that is boilerplate only."""
    if not len(tokens):
        return np.zeros(0, dtype=np.bool_)
    found = check_segments(tokens, min_words)
    text = ~(found.link_bar | found.legal)
    kept = text & ~(found.too_short | found.no_sentence_end)
    for page in tokens.page_segments:
        if not kept[page].any():
            # where no segment is long enough, all that is left may still read like prose
            left = np.arange(page.start, page.stop)[text[page]]
            total, stops, separators = (each[left].sum() for each in (found.words, tokens.stops, tokens.separators))
            bar = separators * WORDS_A_SEPARATOR >= max(total, 2 * WORDS_A_SEPARATOR)
            kept[left] = (total >= min_words) & (stops * WORDS_A_STOP >= total) & ~bar
    return kept.take(tokens.segments)


def _legal(tokens: Tokens) -> NDArray[np.bool_]:
    """Which segments hold a phrase of legal notices."""
    return tokens.count_by_segment(find_phrases(tokens.characters, _LEGAL)) > 0
