"""The nouns of the worker: plain, frozen values without behaviour.

May live here: dataclasses and enums that more than one module needs. May not: anything that reads a clock, the
environment or a socket, or that knows Kafka's or Redis's clients.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

#: The namespace where none is set.
DEFAULT_NAMESPACE: Final = "default"


class DeadLetterReason(StrEnum):
    """Why a message went to the dead letters. A closed set: it is a label of a metric and a header."""

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


class Dependency(StrEnum):
    """What the worker cannot work without."""

    REDIS = "redis"
    KAFKA = "kafka"


class EventType(StrEnum):
    """The two events; the value is CloudEvents' `ce_type` and the body's `type`."""

    NEW = "story.new"
    VARIANT = "story.variant"


class Kind(StrEnum):
    """How a variant relates to what it matched."""

    EXACT = "exact"
    NEAR = "near"
    PARTIAL = "partial"
    REVISION = "revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One input record as Kafka (or a file) delivered it. `value` is None for a tombstone.

    assignment  tells one time that the source had this partition from another; whoever commits asks the source
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
    """A position whose record the consumer could not decode (corrupt, or of an unknown codec).

    assignment  as a message's
    """

    topic: str
    partition: int
    offset: int
    detail: str
    assignment: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A decoded article. `text` keeps its line breaks; `extracted` says that it came out of HTML.

    `published_at` is handed through as it came. `crawled_at_ms` is milliseconds since the epoch. Articles are compared
    within their namespace only.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What the index keeps and compares of a text; see reprise/text/signature.py for how it is made.

    rows      one unsigned 32-bit MinHash value a permutation
    sketch    the smallest distinct shingle hashes, 24 bits each, ascending (bottom-k); odd are those that hold a digit
    passages  for each hash of the sketch, the sentence it stands in: one byte each, numbered over the sampled sentences
    size      how many distinct shingles the text has
    words     how many words it has, or what its characters are worth where words are not separated
    """

    rows: tuple[int, ...]
    sketch: tuple[int, ...]
    passages: bytes
    size: int
    words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """An article as the index sees it. `signature` is None where only an exact copy may match.

    content_hash: 16 bytes, the hash of the normalised kept text.
    """

    article_id: str
    content_hash: bytes
    namespace: str = DEFAULT_NAMESPACE
    source: str | None = None
    crawled_at_ms: int | None = None
    signature: Signature | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded:
    """The decision that a revision replaces: enough to name its event."""

    content_hash: bytes
    type: EventType
    story_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What the index saw on the way to one decision; counted, never stored."""

    candidates: int = 0
    stop_bands: int = 0
    full_buckets: int = 0
    indexed: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The index's answer for one article.

    `similarity` (Jaccard) and `containment` (share of the smaller text) are in 0..1 and, with `kind` and
    `matched_article_id`, present for a variant only. `decided_at_ms` is the time of the first decision, also when it
    is a recorded one that is given again.
    """

    type: EventType
    story_id: str
    decided_at_ms: int
    kind: Kind | None = None
    similarity: float | None = None
    containment: float | None = None
    matched_article_id: str | None = None
    supersedes: Superseded | None = None
    trace: Trace = Trace()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputRecord:
    """One record for a topic: an event or a dead letter, ready to send."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one message leads to: nothing for a tombstone, else one record.

    records  makes it, in each way that it can be told, the smaller after the larger: the first that its topic takes is
             sent
    reasons  for each of them why the message is binned by it; None for an event
    """

    message: Message | CorruptRecord
    records: tuple[Callable[[], OutputRecord], ...] = ()
    reasons: tuple[DeadLetterReason | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUsage:
    """What a store uses of what it may, in bytes; a limit of 0 is none."""

    used_bytes: int
    max_bytes: int
