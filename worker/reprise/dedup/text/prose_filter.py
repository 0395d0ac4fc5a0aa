"""Keep the segments of a text that are prose; drop menus, link bars, headlines, captions and legal notices."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from reprise.dedup.text.characters import CharClass
from reprise.dedup.text.hashing import Offsets
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

#: Minimum words of a line that is read although it is no paragraph. Most entries of menus are shorter.
MIN_LINE_WORDS: Final = 4

#: If the kept segments have less than this share, in tenths, of the words in kept segments and lines, the lines are
#: read, too.
MIN_KEPT_TENTHS: Final = 3

#: Minimum words of a text without the ends of sentences.
MIN_TEXT_WORDS: Final = 50

_LOWER: Final = np.uint16(CharClass.LOWER)
_UPPER: Final = np.uint16(CharClass.UPPER)

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

    If the segments kept are a small part of the text, its other lines are read, too: it may be a poem, a list of brief
    paragraphs, a live report, or a transcript without full stops.
    """
    if not len(tokens):
        return np.zeros(0, dtype=np.bool_)
    checks = check_segments(tokens, min_words)
    no_boilerplate = ~(checks.link_bar | checks.legal)
    has_end = ~checks.no_sentence_end
    kept = no_boilerplate & ~checks.too_short & has_end
    slices = tokens.segment_slices
    rest = no_boilerplate & ~kept
    is_line = rest & (checks.words >= MIN_LINE_WORDS)
    texts = np.arange(len(slices)).repeat([each.stop - each.start for each in slices])
    in_kept, in_lines, in_sentences = (
        # In tenths of a word, which are integers.
        (10 * np.bincount(texts, weights=checks.words * marks, minlength=len(slices))).round()
        for marks in (kept, is_line, is_line & has_end)
    )
    too_little = (in_kept == 0) | (in_kept < in_sentences) | (10 * in_kept < MIN_KEPT_TENTHS * (in_kept + in_lines))
    for number in too_little.nonzero()[0].tolist():
        kept[_lines_to_keep(tokens, number, checks, kept, rest, min_words)] = True
    return kept.take(tokens.segments)


def _lines_to_keep(
    tokens: Tokens,
    number: int,
    checks: SegmentChecks,
    kept: NDArray[np.bool_],
    rest: NDArray[np.bool_],
    min_words: int,
) -> Offsets:
    """Return further segments to keep of a text of which too little was kept."""
    segments = tokens.segment_slices[number]
    others: Offsets = rest[segments].nonzero()[0] + segments.start
    words, sentence_ends = checks.words.take(others), tokens.sentence_end_counts.take(others)
    separators, total = tokens.separator_counts.take(others), words.sum().round(6)
    is_link_bar = separators.sum() * WORDS_PER_SEPARATOR >= max(total, 2 * WORDS_PER_SEPARATOR)
    has_sentences = total >= min_words and sentence_ends.sum() * MAX_WORDS_PER_SENTENCE >= total
    already_kept = (checks.words[segments] * kept[segments]).sum()
    if not already_kept and has_sentences and not is_link_bar:
        return others
    is_prose = (sentence_ends > 0) | ~_is_in_capitals(tokens, number).take(others - segments.start)
    # The mark of an item stands at the start of its line; the separators of a menu stand between its entries.
    is_line = (words >= MIN_LINE_WORDS) & is_prose
    enough = (words[is_line].sum() + already_kept).round(6) >= MIN_TEXT_WORDS
    lines: Offsets = others[is_line & enough]
    return lines


def _is_in_capitals(tokens: Tokens, number: int) -> NDArray[np.bool_]:
    """Mark the segments of a text in which most words begin with a capital, as the entries of menus do."""
    text, segments = tokens.text_slices[number], tokens.segment_slices[number]
    first, own = tokens.classes.take(tokens.starts[text]), tokens.segments[text] - segments.start
    small, capitals = (
        np.bincount(own, weights=(first & case) != 0, minlength=segments.stop - segments.start)
        for case in (_LOWER, _UPPER)
    )
    return capitals > small


def _has_legal_phrase(tokens: Tokens) -> NDArray[np.bool_]:
    """Mark the segments that contain a phrase of legal notices."""
    return tokens.count_by_segment(find_phrases(tokens.characters, _LEGAL)) > 0
