"""Find the passages that two articles share; each token is in at most one passage.

The algorithm is greedy string tiling (Wise, "String similarity via greedy string tiling and Running Karp-Rabin
matching", 1993) in one pass: all maximal matches around a shared shingle, the longest first, each reduced to the parts
that no longer match has covered.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reprise.explanation.dissection import DissectedArticle

#: Maximum occurrences of one shingle to compare. A text that repeats one phrase a thousand times would need a million
#: comparisons.
_MAX_OCCURRENCES: Final = 32

#: Maximum tokens in all matches together, some seconds of work. News pages reach thousands; a phrase repeated over and
#: over would reach billions. Matches up to the bound are shown; of two equal texts the first match covers everything.
_MAX_MATCHED_TOKENS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRun:
    """A run of equal tokens in two articles, in each within one segment.

    a, b    its first token in each article
    length  its tokens
    """

    a: int
    b: int
    length: int


def shared_runs(a: DissectedArticle, b: DissectedArticle) -> Sequence[SharedRun]:
    """Return the shared runs of at least one shingle's length, in the order of `b`."""
    covered_a, covered_b = bytearray(len(a.tokens)), bytearray(len(b.tokens))
    runs: list[SharedRun] = []
    for match in sorted(_matches(a, b), key=lambda match: (-match.length, match.b, match.a)):
        for run in _uncovered_parts(match, covered_a, covered_b):
            if run.length >= b.tokens.shingle_lengths[run.b]:
                covered_a[run.a : run.a + run.length] = covered_b[run.b : run.b + run.length] = b"\1" * run.length
                runs.append(run)
    return sorted(runs, key=lambda run: run.b)


def _matches(a: DissectedArticle, b: DissectedArticle) -> Iterator[SharedRun]:
    """Yield the maximal matches around a shared shingle of full length."""
    occurrences: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for shingle in a.shingles:
        is_full = len(shingle.token_hashes) == a.tokens.shingle_lengths[shingle.first]
        if is_full and len(occurrences[shingle.token_hashes]) < _MAX_OCCURRENCES:
            occurrences[shingle.token_hashes].append(shingle.first)
    tokens_a, tokens_b = _TokenLists(a), _TokenLists(b)
    remaining = _MAX_MATCHED_TOKENS
    # By the distance between the two positions: the first token of b after the last match with that distance.
    matched_until: dict[int, int] = {}
    for shingle in b.shingles:
        for first_a in occurrences.get(shingle.token_hashes, ()):
            distance = first_a - shingle.first
            if matched_until.get(distance, 0) > shingle.first:
                continue
            match = _extend(tokens_a, tokens_b, first_a, shingle.first)
            matched_until[distance] = match.b + match.length
            yield match
            remaining -= match.length
            if remaining <= 0:
                return


class _TokenLists:
    """The tokens of an article as lists, which Python indexes faster than arrays.

    Segments are kept or dropped as a whole, so a match that contains a kept shingle and crosses no segment is kept.
    """

    def __init__(self, article: DissectedArticle) -> None:
        self.hashes: list[int] = article.tokens.hashes.tolist()
        self.segments: list[int] = article.tokens.segments.tolist()

    def __len__(self) -> int:
        return len(self.hashes)


def _extend(tokens_a: _TokenLists, tokens_b: _TokenLists, a: int, b: int) -> SharedRun:
    """Extend a match at the tokens `a` and `b` in both directions, within their segments."""
    segment_a, segment_b = tokens_a.segments[a], tokens_b.segments[b]

    def equal(i: int, j: int) -> bool:
        return (
            tokens_a.hashes[i] == tokens_b.hashes[j]
            and tokens_a.segments[i] == segment_a
            and tokens_b.segments[j] == segment_b
        )

    before = 0
    while before < min(a, b) and equal(a - before - 1, b - before - 1):
        before += 1
    after = 0
    while a + after < len(tokens_a) and b + after < len(tokens_b) and equal(a + after, b + after):
        after += 1
    return SharedRun(a=a - before, b=b - before, length=before + after)


def _uncovered_parts(match: SharedRun, covered_a: bytearray, covered_b: bytearray) -> Iterator[SharedRun]:
    """Yield the parts of a match in which no token is covered in either article."""
    start = 0
    for at in range(match.length + 1):
        if at == match.length or covered_a[match.a + at] or covered_b[match.b + at]:
            if at > start:
                yield SharedRun(a=match.a + start, b=match.b + start, length=at - start)
            start = at + 1
