"""The values that an IndexInspector returns."""

from dataclasses import dataclass

from reprise.dedup.retention import Retention
from reprise.model import EventType, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInfo:
    """The state of an index as a whole.

    parameters   parameters of its signatures and its layout, as text
    shards       number of shards of each kind
    last_number  the last number reserved for a representative; 0 before the first
    added        number of representatives added since the index was created
    swept_ms     time of the last sweep; None before the first
    retention    how long the index keeps its data, the longest of its workers; None if no worker has stored it
    rule         thresholds of the rule that hold for all workers, as text; "" if no worker has stored them
    """

    version: str
    parameters: str
    shards: int
    last_number: int
    added: int
    swept_ms: int | None
    retention: Retention | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStats:
    """Numbers of entries, estimated from `shards_read` of the shards; exact if those are all.

    representatives  representatives within the window, estimated from a sample of their numbers
    founders         representatives that founded their story
    articles         article ids with their latest decision
    superseded       superseded decisions that are kept for replays
    revisions        decisions that a revision replaced
    texts            texts of which an exact copy is recognised
    oldest_ms        earliest last_seen_ms of the representatives that were read; None without any
    newest_ms        latest last_seen_ms of them
    """

    shards_read: int
    representatives: int
    founders: int
    articles: int
    superseded: int
    revisions: int
    texts: int
    oldest_ms: int | None
    newest_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """The server that holds the index; `max_bytes` is None if it has no limit, `policy` is its maxmemory-policy."""

    name: str
    used_bytes: int
    max_bytes: int | None
    policy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRepresentative:
    """A representative of a story, as it is stored.

    source         8 bytes of the hash of the source, hexadecimal; None if the source is unknown
    shingle_count  distinct shingles of the text; 0 if only an exact copy can match it
    last_seen_ms   time of the article, or of the last one that matched it
    """

    number: int
    is_founder: bool
    article_id: str
    source: str | None
    shingle_count: int
    last_seen_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """The latest decision of an article id.

    published_story_id  story of its event
    story_id            that story now: it may have been merged into an older one
    matched_article_id  article id of the representative: its own if it founded its story; None if that record expired
    is_article          False if the page showed a notice in place of an article: it had no event
    """

    type: EventType
    kind: Kind | None
    decided_at_ms: int
    published_story_id: str
    story_id: str
    matched_article_id: str | None
    is_article: bool = True
