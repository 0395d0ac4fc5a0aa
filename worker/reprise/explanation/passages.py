"""The passages that two pages share, each token in one passage at most.

Greedy string tiling (Wise, "String similarity via greedy string tiling and Running Karp-Rabin matching", 1993) in one
pass: all maximal matches that hold a shared shingle, the longest first, each cut to what is not yet taken.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reprise.explanation.dissection import DissectedArticle

#: Places of one shingle that are tried: a text that repeats one phrase a thousand times would cost a million.
_PLACES: Final = 32

#: Tokens in all matches together, some seconds of work: news pages come to thousands, one phrase over and over to
#: billions. What is found by then is shown; the first match of two like texts is the whole of them.
_MOST_TOKENS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRun:
    """So many tokens from one on, in each page: the same words, each within one segment."""

    a: int
    b: int
    tokens: int


def shared_runs(a: DissectedArticle, b: DissectedArticle) -> Sequence[SharedRun]:
    """The shared runs of at least one whole shingle, in the order of `b`."""
    taken_a, taken_b = bytearray(len(a.tokens)), bytearray(len(b.tokens))
    widths = b.tokens.shingle_lengths
    runs: list[SharedRun] = []
    for match in sorted(_matches(a, b), key=lambda each: (-each.tokens, each.b, each.a)):
        for run in _untaken(match, taken_a, taken_b):
            if run.tokens >= widths[run.b]:
                taken_a[run.a : run.a + run.tokens] = taken_b[run.b : run.b + run.tokens] = b"\1" * run.tokens
                runs.append(run)
    return sorted(runs, key=lambda run: run.b)


def _matches(a: DissectedArticle, b: DissectedArticle) -> Iterator[SharedRun]:
    """Every maximal match around a shared shingle of full width."""
    places: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for window in a.windows:
        if len(window.key) == a.tokens.shingle_lengths[window.token] and len(places[window.key]) < _PLACES:
            places[window.key].append(window.token)
    left, right = _Line(a), _Line(b)
    left_over = _MOST_TOKENS
    reached: dict[int, int] = {}  # by the distance between the two places: the first token of b not yet matched
    for window in b.windows:
        for place in places.get(window.key, ()):
            if reached.get(place - window.token, 0) > window.token:
                continue
            match = _extended(left, right, place, window.token)
            reached[place - window.token] = match.b + match.tokens
            yield match
            left_over -= match.tokens
            if left_over <= 0:
                return


class _Line:
    """A page's tokens as plain lists. Segments are kept or dropped whole, so a match within two of them is kept."""

    def __init__(self, page: DissectedArticle) -> None:
        self.hashes: list[int] = page.tokens.hashes.tolist()
        self.segments: list[int] = page.tokens.segments.tolist()

    def __len__(self) -> int:
        return len(self.hashes)


def _extended(left: _Line, right: _Line, a: int, b: int) -> SharedRun:
    segment_a, segment_b = left.segments[a], right.segments[b]

    def equal(i: int, j: int) -> bool:
        return left.hashes[i] == right.hashes[j] and left.segments[i] == segment_a and right.segments[j] == segment_b

    before = 0
    while before < min(a, b) and equal(a - before - 1, b - before - 1):
        before += 1
    after = 0
    while a + after < len(left) and b + after < len(right) and equal(a + after, b + after):
        after += 1
    return SharedRun(a=a - before, b=b - before, tokens=before + after)


def _untaken(match: SharedRun, taken_a: bytearray, taken_b: bytearray) -> Iterator[SharedRun]:
    """The parts of a match of which no token is taken on either side."""
    begin = 0
    for at in range(match.tokens + 1):
        if at == match.tokens or taken_a[match.a + at] or taken_b[match.b + at]:
            if at > begin:
                yield SharedRun(a=match.a + begin, b=match.b + begin, tokens=at - begin)
            begin = at + 1
