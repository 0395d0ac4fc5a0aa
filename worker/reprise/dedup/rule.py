"""The thresholds and bounds of a decision, with their defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Every threshold and bound of a decision, stored with the index that workers share.

    permutations            MinHash rows; each row is a band of its own
    sketch_size             hashes of the bottom-k sketch
    stock_phrase_stories    a bucket with representatives of this many stories holds a stock phrase and is ignored
    bucket_entries          maximum representatives in a bucket, and so candidates that one band adds
    candidates              maximum candidates that are compared, those with the most shared bands first
    sentence_share          a sentence is copied if at least this share of its sampled shingles is shared
    figure_share            and at least this share of its sampled shingles that contain a digit
    copied_share            across sources, minimum of shingles in copied sentences / shingles of the smaller text
    same_source_similarity  within one source, minimum similarity in copied sentences
    update_share            or this share of the smaller text in whole sentences,
    update_words            and this many words in copied sentences: notices have 50 to 100,
    template_ratio          and at most this many shingles in sentences shared in part for each in whole ones
    short_containment       a text that is copied to this share may be shorter than copied_words
    short_hashes            if it has this many sampled hashes
    copied_hashes           minimum sampled hashes in copied sentences
    copied_words            minimum words in copied sentences: a short paragraph
    strong_support_ratio    a match supports its story strongly if another source copied at least this share
    merge_sources           a story is merged into an older one if sources of this many registered domains support each
                            of them strongly,
    merge_containment       and if the median pair of these representatives, one of each story, shares at least this
                            share of the smaller text: above what a roundup joins (.01 to .05), below stories of one
                            event (.2 to .6)
    anchor_share            a match that copies less must share text with the story's founder, too:
    founder_share           at least this share of the smaller text, in copied sentences
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
    update_share: float = 0.25
    update_words: int = 100
    template_ratio: float = 0.5
    short_containment: float = 0.8
    short_hashes: int = 15
    copied_hashes: int = 5
    copied_words: int = 35
    strong_support_ratio: float = 0.2
    merge_sources: int = 4
    merge_containment: float = 0.1
    anchor_share: float = 0.5
    founder_share: float = 0.05
    near_similarity: float = 0.5
    index_below_similarity: float = 0.9
