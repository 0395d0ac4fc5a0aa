"""What a look into an index answers: plain values, without behaviour."""

from dataclasses import dataclass

from reprise.model import EventType, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexInfo:
    """An index as its first worker created it, and how far it is.

    parameters   what its signatures are made with, in words
    shards       how many hashes there are of each kind
    last_number  the number of the representative that was added last; 0 before the first
    swept_ms     when the sweep came by last; None before the first
    """

    version: str
    parameters: str
    shards: int
    last_number: int
    swept_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStats:
    """How much an index holds, estimated from `shards_read` of its shards; counted where that is all of them.

    representatives  living ones, but for those that are not in a bucket of the first band: theirs was a stock phrase or
                     full, or they have no shingle; of these `founders` founded their story
    articles         decisions on record, an article's latest; `superseded` those before, `revisions` what replaced them
    texts            texts of which an exact copy is known
    oldest_ms        when the representative of the sample was seen that nobody saw longer; None without any
    newest_ms        and the one that was seen last
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
    """The server that holds the index; `max_bytes` is None where it has no limit."""

    name: str
    used_bytes: int
    max_bytes: int | None
    policy: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRepresentative:
    """A representative of a story, as its record has it.

    source   8 bytes of the hash of the source, hexadecimal; None where that is unknown
    size     distinct shingles of the text; 0 where only an exact copy can match it
    seen_ms  when the article came, or another matched it last
    """

    number: int
    is_founder: bool
    article_id: str
    source: str | None
    size: int
    seen_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDecision:
    """What was decided last of an article.

    told_story_id       the story of its event
    story_id            where its representative is now: two stories may have met since
    matched_article_id  the representative: the article itself, where it founded its story; None where that is gone
    """

    type: EventType
    kind: Kind | None
    decided_at_ms: int
    told_story_id: str
    story_id: str
    matched_article_id: str | None
