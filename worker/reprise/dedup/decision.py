"""The decision, pure: an article and the candidates that the index found for it -> which story, if any.

This is the reference for reprise/redis_index/lua/decide.lua, which takes the same steps in the same order on the same
numbers; a property test holds both to the same decisions. The evidence for the rule is in
docs/internals/detection/evidence.md.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import floor
from typing import Final

from reprise.model import Kind, Signature

#: Hashes of one sentence that must be shared before it counts as copied: one alone may be a stock phrase.
SENTENCE_HASHES: Final = 2

#: Set in the sampled hashes of shingles that hold a digit; see reprise/text/shingles.py.
FIGURE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Every threshold and bound of a decision. Those marked (stored) belong to the index: all its workers share them.

    permutations      (stored) MinHash rows; each is a band of one row
    sketch_size       (stored) hashes of the bottom-k sketch
    stop_stories      a bucket with representatives of so many stories is a stock phrase: it counts neither way
    bucket_entries    representatives a bucket holds at most; it must fit a listpack entry
    candidates        candidates that get a second look, those with the most shared bands first
    sentence_share    share of a sentence's sampled shingles that must be shared for it to count as copied
    figure_share      and this share of those that hold a digit
    copied_share      across sources: shingles in copied sentences / shingles of the smaller text, at least
    same_source       within one source, instead: similarity in copied sentences, at least
    copied_hashes     and at least so many sampled hashes in them
    copied_words      and worth so many words: a short paragraph
    older_share       support is strong where a representative of another source has this copied share
    older_sources     an older story wins over the best match when so many sources support it strongly
    near              instead of all these, so much similarity in copied sentences is enough; a variant of this
                      similarity is `near`, else `partial`
    novel             an article below this similarity to its match becomes a representative itself
    """

    permutations: int = 32
    sketch_size: int = 256
    stop_stories: int = 3
    bucket_entries: int = 12
    candidates: int = 16
    sentence_share: float = 0.3
    figure_share: float = 0.66
    copied_share: float = 0.07
    same_source: float = 0.3
    copied_hashes: int = 5
    copied_words: int = 35
    older_share: float = 0.2
    older_sources: int = 2
    near: float = 0.5
    novel: float = 0.9


def shortlist(buckets: Iterable[Sequence[tuple[int, int]]], rule: Rule) -> tuple[list[int], int]:
    """Choose candidates by the bands they share with an article.

    buckets: for each band, the living representatives in its bucket, as (number, story number).
    Returns the representatives' numbers, those with the most shared bands first (ties to the older), and how many
    bands were stopped.
    """
    shared: Counter[tuple[int, int]] = Counter()
    stopped = 0
    for bucket in buckets:
        if is_stop(bucket, rule):
            stopped += 1
        else:
            shared.update((story, number) for number, story in bucket)
    ranked = sorted(shared, key=lambda member: (-shared[member], member))
    return [number for _, number in ranked[: rule.candidates]], stopped


def is_stop(bucket: Sequence[tuple[int, int]], rule: Rule) -> bool:
    """Whether a bucket, as (number, story number), is a stock phrase.

    Stories count, not articles: a popular wire story is frequent and is no boilerplate.
    """
    return len({story for _, story in bucket}) >= rule.stop_stories


@dataclass(frozen=True, slots=True, kw_only=True)
class Representative:
    """An article that the index holds for its story. `story_number` grows with the time a story was founded."""

    number: int
    story_number: int
    source: bytes
    size: int
    sketch: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two texts seen through their sketches.

    similarity         Jaccard estimate, 0..1
    containment        estimated share of the smaller text that stands in the other, 0..1
    copied_similarity  the similarity, and
    copied             the containment, counting what is shared in copied sentences only
    hashes             sampled hashes in copied sentences
    words              estimated words in copied sentences
    """

    similarity: float
    containment: float
    copied_similarity: float
    copied: float
    hashes: int
    words: float


#: What an exact copy has in common with its original.
IDENTICAL: Final = Comparison(similarity=1.0, containment=1.0, copied_similarity=1.0, copied=1.0, hashes=0, words=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A representative whose story the article may join, and how alike they are."""

    representative: Representative
    comparison: Comparison
    same_source: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The match whose story an article joins, and the numbers of representatives that move to that story with it."""

    match: Match
    moves: tuple[int, ...]


#: One more than the largest hash of a sketch.
_HASH_SPACE: Final = 1 << 24


def compare(article: Signature, sketch: Sequence[int], size: int, rule: Rule) -> Comparison | None:
    """Compare an article with a representative's sketch; None where they share nothing.

    Only hashes below both sketches' reach are compared: there, each sketch holds all of its text's shingles. A sentence
    with other figures is not copied, whatever else it shares: reports from one template may differ in nothing else.
    """
    reach = min(_reach(article.sketch, article.size), _reach(sketch, size))
    theirs = set(sketch)
    in_sentence: Counter[int] = Counter()
    shared_in_sentence: Counter[int] = Counter()
    figures: Counter[int] = Counter()
    shared_figures: Counter[int] = Counter()
    for value, sentence in zip(article.sketch, article.passages, strict=True):
        if value >= reach:
            break
        in_sentence[sentence] += 1
        figures[sentence] += value & FIGURE
        if value in theirs:
            shared_in_sentence[sentence] += 1
            shared_figures[sentence] += value & FIGURE
    shared = shared_in_sentence.total()
    if not shared:
        return None
    mine, other = in_sentence.total(), sum(value < reach for value in sketch)
    smaller = min(mine, other)
    copied = [
        sentence
        for sentence, count in shared_in_sentence.items()
        if count >= SENTENCE_HASHES
        and count >= rule.sentence_share * in_sentence[sentence]
        and shared_figures[sentence] >= rule.figure_share * figures[sentence]
    ]
    hashes = sum(shared_in_sentence[sentence] for sentence in copied)
    return Comparison(
        similarity=shared / (mine + other - shared),
        containment=shared / smaller,
        copied_similarity=hashes / (mine + other - shared),
        copied=hashes / smaller,
        hashes=hashes,
        words=hashes * article.words / mine,
    )


def _reach(sketch: Sequence[int], size: int) -> int:
    """Below this the sketch holds every shingle of its text."""
    return sketch[-1] + 1 if len(sketch) < size else _HASH_SPACE


def accepts(comparison: Comparison, same_source: bool, rule: Rule) -> bool:
    """Whether so much in common makes an article a variant."""
    if comparison.copied_similarity >= rule.near:
        return True
    # a source's own notices may be most of a short page, so there the share of both texts counts
    across, within = comparison.copied >= rule.copied_share, comparison.copied_similarity >= rule.same_source
    enough = within if same_source else across
    # less than a paragraph may be a sign-up box, or a teaser of another story
    return enough and comparison.hashes >= rule.copied_hashes and comparison.words >= rule.copied_words


def choose(article: Signature, source: bytes, candidates: Iterable[Representative], rule: Rule) -> Choice | None:
    """Choose the story to join among candidates; None for a new story.

    The most copied text wins, then the older story, then the older representative. But a story older than that wins
    when representatives from several sources support it strongly: two stories that began apart, because their first
    texts shared nothing, stop growing in parallel, and strongly supported representatives of the younger one move
    to the older, so that copies of them follow. Events that went out stay as they are.
    """
    matches = [match for each in candidates if (match := _match(article, source, each, rule))]
    if not matches:
        return None
    best = min(matches, key=_rank)
    support: defaultdict[int, set[bytes]] = defaultdict(set)
    for match in matches:
        if _is_strong(match, rule):
            # an unknown source is nobody's: each of its representatives is a source of its own
            nobody = b"#%d" % match.representative.number
            support[match.representative.story_number].add(match.representative.source or nobody)
    older = [story for story, sources in support.items() if len(sources) >= rule.older_sources]
    story = min([best.representative.story_number, *older])
    joined = min((match for match in matches if match.representative.story_number == story), key=_rank)
    moves = [
        match.representative.number
        for match in matches
        if match.representative.story_number > story and best is not joined and _is_strong(match, rule)
    ]
    return Choice(match=joined, moves=tuple(sorted(moves)))


def _match(article: Signature, source: bytes, candidate: Representative, rule: Rule) -> Match | None:
    comparison = compare(article, candidate.sketch, candidate.size, rule)
    same_source = source != b"" and source == candidate.source
    if comparison and accepts(comparison, same_source, rule):
        return Match(representative=candidate, comparison=comparison, same_source=same_source)
    return None


def _is_strong(match: Match, rule: Rule) -> bool:
    return not match.same_source and match.comparison.copied >= rule.older_share


def _rank(match: Match) -> tuple[float, int, int]:
    return (-match.comparison.copied, match.representative.story_number, match.representative.number)


def kind_of(comparison: Comparison, rule: Rule) -> Kind:
    """Name the relation of a variant that is no revision."""
    if comparison is IDENTICAL:
        return Kind.EXACT
    return Kind.NEAR if comparison.similarity >= rule.near else Kind.PARTIAL


def quantise(share: float) -> float:
    """Round a share to the four digits that the index records, so that a recorded decision repeats the first."""
    return floor(share * 10_000 + 0.5) / 10_000


def source_key(source: str | None) -> bytes:
    """Eight bytes that stand for a source; none for an unknown one, which is never the same as another."""
    return (
        blake2b(source.encode("utf-8", "surrogatepass"), digest_size=8, person=b"reprise.source").digest()
        if source
        else b""
    )
