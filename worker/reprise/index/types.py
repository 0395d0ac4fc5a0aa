"""The entries of an index, as both indexes and the decision exchange them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from reprise.dedup.sketch import Sketch
from reprise.model import EventType, Kind, Page, StoryMerge, Superseded

#: The sketch of a representative without shingles, or of one whose sketch was not loaded.
EMPTY_SKETCH: Final = np.zeros(0, dtype=np.uint32)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDecision:
    """A decision as the index records it. A new story has no kind, and 0 for both shares.

    representative  number of the representative that the article matched; its own if it founded its story
    is_late         whether the crawl was older than the latest one of its article id
    supersedes      the decision that this revision replaces; None if unknown
    merges          the stories that the decision merged
    is_article      False if the page showed a notice; the story is then that of the representative
    is_doubted      whether the story was founded by one of two pages that cannot show one article, although both have
                    this text: the text of a later crawl of its page takes over the story
    """

    kind: Kind | None
    similarity: float
    containment: float
    decided_at_ms: int
    story_id: str
    representative: int
    is_late: bool = False
    supersedes: Superseded | None = None
    merges: tuple[StoryMerge, ...] = ()
    is_article: bool = True
    is_doubted: bool = False

    @property
    def type(self) -> EventType:
        """Return the type of the decision's event."""
        return EventType.NEW if self.kind is None else EventType.VARIANT


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestDecision:
    """The latest decision of an article id, with the content hash and the time of that crawl."""

    decision: StoredDecision
    content_hash: bytes
    crawled_at_ms: int | None


class Story(NamedTuple):
    """A story: the number of its founder, and its id."""

    number: int
    story_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentativeRecord:
    """A representative with the story that it was recorded for; that story may have been merged since.

    story_number  number of the story's founder
    source        8 bytes that stand for the source; b"" for an unknown one
    """

    number: int
    story_number: int
    story_id: str
    article_id: str
    last_seen_ms: int
    source: bytes
    shingle_count: int
    sketch: Sketch


class KnownPage(NamedTuple):
    """A page that showed a text, and the number of the representative that covers its text."""

    page: Page
    number: int


class Member(NamedTuple):
    """The fields of a representative that a lookup returns for the entries of buckets.

    story_number  number of its story now: of the story into which its own was merged
    founder       number of the founder of its own story
    """

    last_seen_ms: int
    story_number: int
    founder: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The recorded decision of an article id and content hash, and the id of the article that it matched."""

    decision: StoredDecision
    matched_article_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The content of an index about one article. Entries past their retention are left out.

    latest   latest decision of the article id
    replay   recorded decision of the article id with this content; the other fields are then empty
    was_superseded  whether another text of the article id superseded this content earlier, although that decision may
             no longer be repeated
    copy     the representative that covers the same text; buckets are then empty
    buckets  for each band, the numbers of its representatives, oldest first
    members  the representatives of all buckets and known pages, and the one that the latest decision matched, by number
    roots    id of each merged story among these entries -> the story into which it was merged in the end
    pages    the known pages that show the text of this one, the oldest first
    """

    latest: LatestDecision | None = None
    replay: Replay | None = None
    was_superseded: bool = False
    copy: RepresentativeRecord | None = None
    buckets: Sequence[Sequence[int]] = ()
    members: Mapping[int, Member]
    roots: Mapping[str, Story] = field(default_factory=dict)
    pages: Sequence[KnownPage] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """The decision of a previous index on an article, and the id of the story that its text belongs to there."""

    decision: StoredDecision | None
    story_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """The changes that one decision makes to an index.

    stored      the decision to record
    latest      the latest decision before this one
    match       the representative that was matched; its last_seen_ms is updated
    joined      the story of `match` before the merges; None for a new story
    merges      id of each story that is merged -> the story that it is merged into
    covering    number of the representative that covers the article's text from now on
    record      the article as a new representative
    fills       for each band, whether the new representative enters the bucket
    members     numbers of all representatives that the lookup found in the buckets
    pages       the known pages of the text from now on; None if the page cannot show a notice
    doubted     article id and representative of each founded story that is doubted from now on
    """

    stored: StoredDecision
    latest: LatestDecision | None
    match: RepresentativeRecord | None
    joined: Story | None
    merges: Mapping[str, Story]
    covering: int
    record: RepresentativeRecord | None
    fills: Sequence[bool]
    members: Sequence[int]
    pages: Sequence[KnownPage] | None = None
    doubted: Sequence[tuple[str, int]] = ()
