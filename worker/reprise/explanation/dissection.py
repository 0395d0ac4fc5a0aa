"""One article taken apart: its segments with what became of each, its sentences, its shingles with their places."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

import numpy as np
import regex
from numpy.typing import NDArray

from reprise.dedup.decision import Rule
from reprise.dedup.text.code_points import limit_marks
from reprise.dedup.text.fingerprint import fingerprint
from reprise.dedup.text.line_unwrapping import join_wrapped_lines
from reprise.dedup.text.prose_filter import MIN_WORDS_HTML, MIN_WORDS_TEXT, check_segments, keep_prose
from reprise.dedup.text.tokens import Tokens, normalise, tokenise
from reprise.explanation.offsets import SourceOffsets, source_offsets
from reprise.model import Article, Fingerprint

#: What of the text between two sentences belongs to the first: up to the stop and the quotes that close behind it.
_TAIL: Final = regex.compile(r"(?s:.*[\p{SB=STerm}\p{SB=ATerm}…])?[^\s\p{Ps}\p{Pi}]*")


class SegmentStatus(StrEnum):
    """What became of a segment; the value says it to people."""

    KEPT = "kept"
    TOO_SHORT = "too short"
    NO_SENTENCE_END = "no sentence ends in it"
    SEPARATORS = "menu separators"
    LEGAL = "legal notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A run of text between breaks. `first` and `last` are its tokens, `begin` and `end` offsets into the text.

    `fate` is what it comes to for itself; it may be kept all the same where nothing else is (see Page.whole).
    """

    first: int
    last: int
    begin: int
    end: int
    words: float
    kept: bool
    fate: SegmentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedShingle:
    """A shingle where it stands: its tokens' hashes, the first token, the sentence, whether it holds a digit."""

    key: tuple[int, ...]
    token: int
    sentence: int
    figure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DissectedArticle:
    """An article and its parts.

    text         as the worker sees it before it normalises: extracted from HTML, hard-wrapped lines joined
    begins, ends offsets of each token into it
    kept         which tokens are
    whole        whether short segments are kept because none alone is prose, and all together read like it
    windows      every shingle of the kept tokens, in order of the text
    """

    article: Article
    fingerprint: Fingerprint
    text: str
    tokens: Tokens
    begins: Sequence[int]
    ends: Sequence[int]
    kept: NDArray[np.bool_]
    whole: bool
    segments: Sequence[Segment]
    windows: Sequence[PlacedShingle]

    @property
    def kept_words(self) -> float:
        """What the kept tokens are worth in words."""
        return float(self.tokens.word_weights[self.kept].sum())

    @property
    def words(self) -> float:
        """What all tokens are worth in words."""
        return float(self.tokens.word_weights.sum())

    def shingles(self) -> Mapping[tuple[int, ...], PlacedShingle]:
        """The distinct shingles, each where it stands first."""
        first: dict[tuple[int, ...], PlacedShingle] = {}
        for window in self.windows:
            first.setdefault(window.key, window)
        return first

    def sentence_range(self, token: int) -> tuple[int, int]:
        """Where the sentence of a token begins and ends in the text, its closing punctuation included."""
        sentence, segment = self.tokens.sentences[token], self.segments[int(self.tokens.segments[token])]
        first, last = (int(np.searchsorted(self.tokens.sentences, sentence, side)) for side in ("left", "right"))
        begin = segment.begin if first == segment.first else self._tail(first - 1)
        end = segment.end if last > segment.last else self._tail(last - 1)
        return begin + len(self.text[begin:end]) - len(self.text[begin:end].lstrip()), end

    def _tail(self, token: int) -> int:
        """Where a sentence that ends with this token ends."""
        found = _TAIL.match(self.text, self.ends[token], self.begins[token + 1])
        return found.end() if found else self.ends[token]


def dissect(article: Article, rule: Rule) -> DissectedArticle:
    """Take an article apart as the worker does."""
    text = limit_marks(join_wrapped_lines(article.text))
    tokens = tokenise(normalise(text))
    min_words = MIN_WORDS_HTML if article.extracted else MIN_WORDS_TEXT
    kept = keep_prose(tokens, min_words)
    traced = source_offsets(text)
    begins: list[int] = traced.begins[tokens.starts].tolist()
    ends: list[int] = traced.ends[tokens.ends - 1].tolist()
    fates = segment_statuses(tokens, min_words)
    return DissectedArticle(
        article=article,
        fingerprint=fingerprint(article, rule),
        text=text,
        tokens=tokens,
        begins=begins,
        ends=ends,
        kept=kept,
        whole=bool(kept.any()) and SegmentStatus.KEPT not in fates,
        segments=list(_segments(text, tokens, traced, kept, fates)),
        windows=list(windows(tokens, kept)),
    )


def segment_statuses(tokens: Tokens, min_words: int) -> Sequence[SegmentStatus]:
    """What becomes of each segment for itself, by the first reason to drop it; Page.whole says when it is kept yet."""
    if not len(tokens):
        return []
    found = check_segments(tokens, min_words)
    reasons = {
        SegmentStatus.TOO_SHORT: found.too_short,
        SegmentStatus.NO_SENTENCE_END: found.no_sentence_end,
        SegmentStatus.SEPARATORS: found.link_bar,
        SegmentStatus.LEGAL: found.legal,
    }
    return [
        next((fate for fate, holds in reasons.items() if holds[number]), SegmentStatus.KEPT)
        for number in range(len(found.words))
    ]


def windows(tokens: Tokens, kept: NDArray[np.bool_]) -> Iterator[PlacedShingle]:
    """Every shingle of the kept tokens; a sentence shorter than a shingle is one.

    By the tokens themselves instead of a hash of them, so that equal means equal.
    """
    where = np.flatnonzero(kept).tolist()
    hashes, widths = tokens.hashes[kept].tolist(), tokens.shingle_lengths[kept].tolist()
    sentences, figures = tokens.sentences[kept].tolist(), tokens.has_digit[kept].tolist()
    firsts = [at for at, sentence in enumerate(sentences) if at == 0 or sentence != sentences[at - 1]]
    for first, end in pairwise([*firsts, len(where)]):
        for at in range(first, end):
            if at == first or at + widths[at] <= end:
                behind = min(at + widths[at], end)
                yield PlacedShingle(
                    key=tuple(hashes[at:behind]),
                    token=where[at],
                    sentence=sentences[at],
                    figure=any(figures[at:behind]),
                )


def _segments(
    text: str, tokens: Tokens, traced: SourceOffsets, kept: NDArray[np.bool_], fates: Sequence[SegmentStatus]
) -> Iterator[Segment]:
    """The segments with where each begins and ends: its line without the white space around it."""
    firsts = np.searchsorted(tokens.segments, np.arange(len(fates))).tolist()
    words = np.bincount(tokens.segments, weights=tokens.word_weights).tolist()
    reached = 0
    for number, (first, following) in enumerate(pairwise([*firsts, len(tokens)])):
        before, after = np.searchsorted(tokens.line_ends, (tokens.starts[first], tokens.ends[following - 1]))
        begin = int(traced.ends[tokens.line_ends[before - 1]]) if before else 0
        end = int(traced.begins[tokens.line_ends[after]]) if after < len(tokens.line_ends) else len(text)
        # a character that normalises to a line end and more may reach into both lines
        begin, end = max(begin, reached), max(end, int(traced.ends[tokens.ends[following - 1] - 1]))
        line = text[begin:end]
        begin += len(line) - len(line.lstrip())
        reached = begin + len(line.strip())
        yield Segment(
            first=first,
            last=following - 1,
            begin=begin,
            end=reached,
            words=words[number],
            kept=bool(kept[first]),
            fate=fates[number],
        )
