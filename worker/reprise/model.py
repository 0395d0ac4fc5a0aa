"""The domain types that more than one module needs: plain, frozen values without behaviour."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: The namespace if the settings name none.
DEFAULT_NAMESPACE: Final = "default"

#: The default seed of datasketch's permutations. It is public: only commands that keep no index use it.
FIXED_SEED: Final = 1


class DeadLetterReason(StrEnum):
    """Why a message became a dead letter. A closed set: a label of a metric and the value of a header."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    WRONG_TYPE = "wrong_type"
    NO_TEXT = "no_text"
    ID_TOO_LONG = "id_too_long"
    FIELD_TOO_LONG = "field_too_long"
    MESSAGE_TOO_LARGE = "message_too_large"
    TEXT_TOO_LONG = "text_too_long"
    HTML_UNREADABLE = "html_unreadable"
    UNEXPECTED_ERROR = "unexpected_error"
    EVENT_TOO_LARGE = "event_too_large"
    RECORD_UNREADABLE = "record_unreadable"
    #: a decision, not an error: the page shows a notice in place of an article
    NO_ARTICLE = "no_article"
    SCHEMA_MISMATCH = "schema_mismatch"


class InputField(StrEnum):
    """The fields of an input message that the worker knows."""

    ID = "id"
    TEXT = "text"
    HTML = "html"
    URL = "url"
    SOURCE = "source"
    TITLE = "title"
    LANG = "lang"
    PUBLISHED_AT = "published_at"
    CRAWLED_AT = "crawled_at"


class InputGuess(StrEnum):
    """How the worker read a field that did not have the documented form. A closed set: a label of a metric."""

    #: `text` held markup or character references, and its text was extracted
    MARKUP_IN_TEXT = "markup_in_text"
    #: the page did not show the article; its JSON-LD holds it
    TEXT_FROM_JSON_LD = "text_from_json_ld"
    #: `source` was an address and became its registered domain
    SOURCE_FROM_ADDRESS = "source_from_address"
    #: the address in `source` stands for the missing `url`
    URL_FROM_SOURCE = "url_from_source"
    NUMBER_AS_TEXT = "number_as_text"
    LIST_JOINED = "list_joined"
    #: a number was a time in seconds, milliseconds, microseconds or nanoseconds since the epoch
    TIME_FROM_NUMBER = "time_from_number"


class Dependency(StrEnum):
    """The services that the worker depends on."""

    REDIS = "redis"
    KAFKA = "kafka"
    SCHEMA_REGISTRY = "schema_registry"


#: The services that every worker depends on. A registry is one only where it is configured.
REQUIRED_DEPENDENCIES: Final = (Dependency.REDIS, Dependency.KAFKA)


class Stage(StrEnum):
    """The stages of a batch, in order. Each one's time includes the wait for the worker's thread."""

    #: from the timestamp of the batch's first message to its poll
    FETCH = "fetch"
    #: decoding, extraction from HTML, fingerprints
    TEXT = "text"
    #: from the fingerprints to the lookups: the batches before this one come first
    READ_AHEAD = "read_ahead"
    #: from sending the lookups to their replies
    LOOKUP = "lookup"
    #: loading candidates, deciding, packing and sending the commits
    DECIDE = "decide"
    #: from sending the commits to their replies
    COMMIT = "commit"
    #: from sending the events to the acknowledgement of the last one
    PUBLISH = "publish"
    #: committing the offsets
    OFFSETS = "offsets"


class OutageKind(StrEnum):
    """Why a dependency cannot be used. A closed set: a label of a metric."""

    UNREACHABLE = "unreachable"
    REFUSES_WRITES = "refuses_writes"
    REFUSES_USER = "refuses_user"
    REBALANCING = "rebalancing"


class EventType(StrEnum):
    """The types of events; the value is CloudEvents' `ce_type` and the body's `type`."""

    NEW = "story.new"
    VARIANT = "story.variant"
    MERGED = "story.merged"


class Kind(StrEnum):
    """Relation of a variant to the article that it matched."""

    EXACT = "exact"
    NEAR = "near"
    PARTIAL = "partial"
    REVISION = "revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One input record as Kafka, or a file, delivered it. `value` is None for a tombstone.

    assignment  number of the assignment in which the source fetched the message: a partition that was revoked and
                assigned again has another number, and messages of the earlier one are not committed
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int | None = None
    assignment: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptRecord:
    """An offset whose record the consumer could not decode, or did not read because it is too large.

    assignment  as of a Message
    reason      why the record was not read
    """

    topic: str
    partition: int
    offset: int
    detail: str
    assignment: int = 0
    reason: DeadLetterReason = DeadLetterReason.RECORD_UNREADABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A decoded article. Articles are compared within their namespace only.

    text           with its line breaks
    extracted      whether the text was extracted from HTML
    published_at   as in the message; RFC 3339 if the message has a number
    crawled_at_ms  milliseconds since the epoch; the timestamp of the message if the time of the crawl is unknown
    ignored        optional fields of the message that could not be read
    guesses        how fields were read that did not have the documented form
    """

    article_id: str
    text: str
    namespace: str = DEFAULT_NAMESPACE
    extracted: bool = False
    url: str | None = None
    source: str | None = None
    title: str | None = None
    lang: str | None = None
    published_at: str | None = None
    crawled_at_ms: int | None = None
    ignored: Sequence[InputField] = ()
    guesses: Sequence[InputGuess] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The part of a text that the index stores and compares; dedup/text/signature.py makes it.

    rows           one MinHash value a permutation, little-endian unsigned 32-bit integers
    sketch         the smallest distinct shingle hashes (bottom-k), ascending; 24-bit values as little-endian unsigned
                   32-bit integers; odd values are shingles that contain a digit
    sentence_ids   for each hash of the sketch, the sentence that it stands in: one byte, numbered over the sketch
    shingle_count  distinct shingles of the text
    word_count     words of the text, or the equivalent in scripts that do not separate words
    """

    rows: bytes
    sketch: bytes
    sentence_ids: bytes
    shingle_count: int
    word_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The identity of a page that may show a notice in place of an article; dedup/page_identity.py makes it.

    text_key      8 bytes that stand for the text without ids, times and names of the site
    source        4 bytes that stand for the source, b"" for an unknown one
    path_words    3 bytes that stand for the words of the address that select the page, b"" if it has none
    path_numbers  3 bytes that stand for its numbers, b"" if it has none
    title         4 bytes that stand for the title, b"" if it has none
    is_brief      whether the text is shorter than a report that sites reprint; an index does not keep it
    """

    text_key: bytes
    source: bytes
    path_words: bytes
    path_numbers: bytes
    title: bytes
    is_brief: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """An article as the index sees it.

    content_hash  16 bytes, the hash of the normalised kept text
    signature     None if only an exact copy may match
    seed          seed of the signature's permutations: that of the namespace
    page          None if the page cannot show a notice in place of an article
    """

    article_id: str
    content_hash: bytes
    namespace: str = DEFAULT_NAMESPACE
    source: str | None = None
    crawled_at_ms: int | None = None
    signature: Signature | None = None
    seed: int = FIXED_SEED
    page: Page | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """The decision that a revision replaces: enough to compute its event id."""

    content_hash: bytes
    type: EventType
    story_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryMerge:
    """A story that a decision merged into an older one: they turned out to be one story.

    story_id         the younger story
    into             the older story: its id replaces that of the younger one
    sources          distinct registered domains whose representatives of the younger story the article copies
    representatives  these representatives
    """

    story_id: str
    into: str
    sources: int
    representatives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Counts of one decision, for metrics; never stored.

    conflicts  times that the decision was repeated because another worker changed the index in between
    """

    candidates: int = 0
    stop_bands: int = 0
    full_buckets: int = 0
    conflicts: int = 0
    indexed: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The index's decision on one article.

    `similarity` (Jaccard) and `containment` (share of the smaller text) are in 0..1; a variant alone has them, with
    `kind` and `matched_article_id`. `decided_at_ms` is the time of the first decision, also if it is a recorded one.
    `merges` are the stories that the decision merged; `story_id` is the story of the article after these merges.
    If `is_article` is false, the page shows a notice in place of an article and has no event: `type` means nothing,
    `matched_article_id` is another page of the notice, and `story_id` is the story of that page.
    """

    type: EventType
    story_id: str
    decided_at_ms: int
    kind: Kind | None = None
    similarity: float | None = None
    containment: float | None = None
    matched_article_id: str | None = None
    supersedes: Superseded | None = None
    merges: tuple[StoryMerge, ...] = ()
    is_article: bool = True
    trace: Trace = Trace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a message became a dead letter. `detail` is one line for people, without article text.

    source  source of the article if it was read
    """

    reason: DeadLetterReason
    detail: str
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectionCount:
    """The rejected messages of one reason, and the first of them.

    first   its position, TOPIC-PARTITION@OFFSET
    detail  its detail, as of a Rejection
    fields  names of its fields if it is a JSON object
    """

    reason: DeadLetterReason
    count: int
    first: str
    detail: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Describe the reason in a clause of an error."""
        fields = f"; fields of the message: {', '.join(self.fields)}" if self.fields else ""
        return f"{self.count} {self.reason} (first {self.first}: {self.detail}{fields})"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """One record to publish: an event, or a dead letter with its rejection."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    rejection: Rejection | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The records that a message leads to. `record` is its event or dead letter; None for a skipped message.

    fallbacks  records to publish instead of `record`, in order, while the one before is too large for its topic
    merges     an event for each story that the decision merged, each with a smaller one to publish instead if the
               event is too large for its topic
    """

    message: Message | CorruptRecord
    record: OutputRecord | None = None
    fallbacks: Sequence[OutputRecord] = ()
    merges: Sequence[tuple[OutputRecord, OutputRecord]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """A message that is done, and the record that was published for it; None for a tombstone or a skipped message."""

    message: Message | CorruptRecord
    record: OutputRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUsage:
    """Memory of a Redis server in bytes. `max_bytes` is its maxmemory; 0 means no limit."""

    used_bytes: int
    max_bytes: int
