"""The thresholds and bounds of a decision, with their defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Every threshold and bound of a decision. Workers that share an index share those marked (stored).

    permutations            (stored) MinHash rows; each row is a band of its own
    sketch_size             (stored) hashes of the bottom-k sketch
    stock_phrase_stories    a bucket with representatives of this many stories holds a stock phrase and is ignored
    bucket_entries          maximum representatives in a bucket, and so candidates that one band adds
    candidates              maximum candidates that are compared, those with the most shared bands first
    sentence_share          a sentence is copied if at least this share of its sampled shingles is shared
    figure_share            and at least this share of its sampled shingles that contain a digit
    copied_share            across sources, minimum of shingles in copied sentences / shingles of the smaller text
    same_source_similarity  within one source, minimum similarity in copied sentences
    copied_hashes           minimum sampled hashes in copied sentences
    copied_words            minimum words in copied sentences: a short paragraph
    strong_support_ratio    a match supports its story strongly if another source copied at least this share
    merge_sources           a story is merged into an older one if this many sources support each of them strongly
    near_similarity         this similarity in copied sentences is enough by itself; a variant of this similarity is
                            `near`, else `partial`
    index_below_similarity  an article whose similarity to its match is lower becomes a representative itself
    """

    permutations: int = 32
    sketch_size: int = 256
    stock_phrase_stories: int = 3
    bucket_entries: int = 12
    candidates: int = 16
    sentence_share: float = 0.3
    figure_share: float = 0.66
    copied_share: float = 0.07
    same_source_similarity: float = 0.3
    copied_hashes: int = 5
    copied_words: int = 35
    strong_support_ratio: float = 0.2
    merge_sources: int = 3
    near_similarity: float = 0.5
    index_below_similarity: float = 0.9
