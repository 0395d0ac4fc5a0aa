"""Dissect one article: its segments with their status, its sentences, and its shingles with their positions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray

from reprise.dedup.rule import Rule
from reprise.dedup.text.code_points import limit_marks
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.normalisation import normalise
from reprise.dedup.text.presentation import remove_presentation
from reprise.dedup.text.prose_filter import MIN_WORDS_HTML, MIN_WORDS_TEXT, check_segments, keep_prose
from reprise.dedup.text.tokens import Tokens, tokenise
from reprise.explanation.offsets import SourceOffsets, source_offsets
from reprise.model import Article, Fingerprint

#: The part of the text between two sentences that belongs to the first: its terminator and closing quotes.
_CLOSING_PUNCTUATION: Final = regex.compile(r"(?s:.*[\p{SB=STerm}\p{SB=ATerm}…])?[^\s\p{Ps}\p{Pi}]*")


class SegmentStatus(StrEnum):
    """Whether a segment is prose, or the reason to drop it. Reports show the value."""

    KEPT = "kept"
    TOO_SHORT = "too short"
    NO_SENTENCE_END = "no sentence end"
    SEPARATORS = "menu separators"
    LEGAL = "legal notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment of the text: a run of tokens between line ends.

    first, last  its first and last token
    start, end   its range in the text, in characters
    word_count   the words that its tokens count for
    kept         whether the worker keeps it
    status       the result of checking the segment by itself; see DissectedArticle.kept_together
    """

    first: int
    last: int
    start: int
    end: int
    word_count: float
    kept: bool
    status: SegmentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class ShingleOccurrence:
    """An occurrence of a shingle in a text.

    token_hashes  the hashes of its tokens; they identify the shingle
    first         its first token
    sentence      number of its part of a sentence; see Tokens.sentence_parts
    has_digit     whether it contains a digit
    """

    token_hashes: tuple[int, ...]
    first: int
    sentence: int
    has_digit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DissectedArticle:
    """An article and its parts.

    text                      the text before normalisation: extracted from HTML, with hard-wrapped lines joined
    token_starts, token_ends  offsets of each token in the text, in characters
    kept                      whether each token is kept, shape (tokens,)
    kept_together             True if segments are kept that are no prose by themselves, because little else is kept
    shingles                  all shingles of the kept tokens, in the order of the text
    """

    article: Article
    fingerprint: Fingerprint
    text: str
    tokens: Tokens
    token_starts: Sequence[int]
    token_ends: Sequence[int]
    kept: NDArray[np.bool_]
    kept_together: bool
    segments: Sequence[Segment]
    shingles: Sequence[ShingleOccurrence]

    @property
    def kept_word_count(self) -> float:
        """Return the words that the kept tokens count for."""
        return float(self.tokens.word_weights[self.kept].sum())

    @property
    def word_count(self) -> float:
        """Return the words that all tokens count for."""
        return float(self.tokens.word_weights.sum())

    def distinct_shingles(self) -> Mapping[tuple[int, ...], ShingleOccurrence]:
        """Return the first occurrence of each distinct shingle, by its token hashes."""
        first: dict[tuple[int, ...], ShingleOccurrence] = {}
        for shingle in self.shingles:
            first.setdefault(shingle.token_hashes, shingle)
        return first

    def sentence_range(self, token: int) -> tuple[int, int]:
        """Return the range in the text of a token's sentence, with its closing punctuation."""
        sentence, segment = self.tokens.sentences[token], self.segments[int(self.tokens.segments[token])]
        first, after = (int(np.searchsorted(self.tokens.sentences, sentence, side)) for side in ("left", "right"))
        start = segment.start if first == segment.first else self._sentence_end(first - 1)
        end = segment.end if after > segment.last else self._sentence_end(after - 1)
        return start + len(self.text[start:end]) - len(self.text[start:end].lstrip()), end

    def _sentence_end(self, last: int) -> int:
        """Return the end in the text of a sentence, given its last token; it is not the last of the segment."""
        closing = _CLOSING_PUNCTUATION.match(self.text, self.token_ends[last], self.token_starts[last + 1])
        return closing.end() if closing else self.token_ends[last]


def dissect(article: Article, rule: Rule) -> DissectedArticle:
    """Dissect an article with the functions of the worker's text step."""
    text = limit_marks(join_wrapped_lines(remove_presentation(article.text)))
    tokens = tokenise(normalise(text))
    min_words = MIN_WORDS_HTML if article.extracted else MIN_WORDS_TEXT
    kept = keep_prose(tokens, min_words)
    offsets = source_offsets(text)
    token_starts: list[int] = offsets.starts[tokens.starts].tolist()
    token_ends: list[int] = offsets.ends[tokens.ends - 1].tolist()
    statuses = segment_statuses(tokens, min_words)
    segments = list(_segments(text, tokens, offsets, kept, statuses))
    return DissectedArticle(
        article=article,
        fingerprint=fingerprint(article, rule),
        text=text,
        tokens=tokens,
        token_starts=token_starts,
        token_ends=token_ends,
        kept=kept,
        kept_together=any(segment.kept and segment.status is not SegmentStatus.KEPT for segment in segments),
        segments=segments,
        shingles=list(find_shingles(tokens, kept)),
    )


def segment_statuses(tokens: Tokens, min_words: int) -> Sequence[SegmentStatus]:
    """Return the status of each segment by itself: the first reason to drop it, or KEPT."""
    if not len(tokens):
        return []
    checks = check_segments(tokens, min_words)
    reasons = {
        SegmentStatus.TOO_SHORT: checks.too_short,
        SegmentStatus.NO_SENTENCE_END: checks.no_sentence_end,
        SegmentStatus.SEPARATORS: checks.link_bar,
        SegmentStatus.LEGAL: checks.legal,
    }
    return [
        next((status for status, applies in reasons.items() if applies[number]), SegmentStatus.KEPT)
        for number in range(len(checks.words))
    ]


def find_shingles(tokens: Tokens, kept: NDArray[np.bool_]) -> Iterator[ShingleOccurrence]:
    """Yield all shingles of the kept tokens, in the order of the text.

    A shingle is identified by its token hashes instead of a hash of them, so two different shingles never collide.
    """
    kept_tokens = np.flatnonzero(kept).tolist()
    hashes, lengths = tokens.hashes[kept].tolist(), tokens.shingle_lengths[kept].tolist()
    sentences, has_digit = tokens.sentences[kept].tolist(), tokens.has_digit[kept].tolist()
    parts = tokens.sentence_parts[kept].tolist()
    starts = [at for at, sentence in enumerate(sentences) if at == 0 or sentence != sentences[at - 1]]
    for start, end in pairwise([*starts, len(kept_tokens)]):
        for at in range(start, end):
            if at == start or at + lengths[at] <= end:
                after = min(at + lengths[at], end)
                yield ShingleOccurrence(
                    token_hashes=tuple(hashes[at:after]),
                    first=kept_tokens[at],
                    sentence=parts[at],
                    has_digit=any(has_digit[at:after]),
                )


def _segments(
    text: str, tokens: Tokens, offsets: SourceOffsets, kept: NDArray[np.bool_], statuses: Sequence[SegmentStatus]
) -> Iterator[Segment]:
    """Yield the segments; the range of each is its line without surrounding white space."""
    firsts = np.searchsorted(tokens.segments, np.arange(len(statuses))).tolist()
    word_counts = np.bincount(tokens.segments, weights=tokens.word_weights).tolist()
    previous_end = 0
    for number, (first, following) in enumerate(pairwise([*firsts, len(tokens)])):
        before, after = np.searchsorted(tokens.line_ends, (tokens.starts[first], tokens.ends[following - 1]))
        start = int(offsets.ends[tokens.line_ends[before - 1]]) if before else 0
        end = int(offsets.starts[tokens.line_ends[after]]) if after < len(tokens.line_ends) else len(text)
        # A character whose normal form contains a line end may belong to both lines.
        start, end = max(start, previous_end), max(end, int(offsets.ends[tokens.ends[following - 1] - 1]))
        line = text[start:end]
        start += len(line) - len(line.lstrip())
        previous_end = start + len(line.strip())
        yield Segment(
            first=first,
            last=following - 1,
            start=start,
            end=previous_end,
            word_count=word_counts[number],
            kept=bool(kept[first]),
            status=statuses[number],
        )
