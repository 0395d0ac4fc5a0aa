"""The pure steps between the ports: message to article, article to fingerprint, decision to event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reprise.dedup.rule import Rule
from reprise.dedup.text.fingerprint import fingerprint, fingerprint_batch
from reprise.dedup.text.seeds import SeedOf, fixed_seed
from reprise.messages import dead_letters
from reprise.messages.body import ReadValue
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.messages.events import event_record, merge_records
from reprise.messages.formats import AS_IS, FieldMapping
from reprise.messages.namespaces import NamespaceRule
from reprise.model import (
    Article,
    CorruptRecord,
    Decision,
    EventType,
    Fingerprint,
    Message,
    OutputRecord,
    Rejection,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleProcessor:
    """Turns messages into articles and fingerprints, and decisions into records.

    event_topics       topic of each type of event
    dead_letter_topic  topic of the messages that cannot be processed
    default_source     source of articles whose message names none
    mapping            where a message has the fields of its article
    read_value         reads values of Confluent's wire format; None without a Schema Registry
    connect_headers    whether dead letters also have the headers of Kafka Connect
    seed_of            the seed of the signatures of a namespace
    """

    limits: DecoderLimits
    namespaces: NamespaceRule
    rule: Rule
    event_topics: Mapping[EventType, str]
    dead_letter_topic: str
    default_source: str | None = None
    mapping: FieldMapping = AS_IS
    read_value: ReadValue | None = None
    connect_headers: bool = False
    seed_of: SeedOf = fixed_seed

    def decode(self, message: Message) -> Article:
        """Read the article out of a message that is no tombstone. Raises BadMessage, SkippedMessage."""
        article = decode_article(message, self.limits, self.namespaces, self.mapping, self.read_value)
        return article if article.source or not self.default_source else replace(article, source=self.default_source)

    def fingerprint(self, article: Article) -> Fingerprint:
        """Fingerprint one article."""
        return fingerprint(article, self.rule, seed=self.seed_of(article.namespace))

    def fingerprint_batch(self, articles: Sequence[Article]) -> Sequence[Fingerprint]:
        """Fingerprint articles, in order; cheaper than one by one."""
        positions: dict[int, list[int]] = {}
        for position, article in enumerate(articles):
            positions.setdefault(self.seed_of(article.namespace), []).append(position)
        made: dict[int, Fingerprint] = {}
        for seed, own in positions.items():
            batch = fingerprint_batch([articles[position] for position in own], self.rule, seed=seed)
            made.update(zip(own, batch, strict=True))
        return [made[position] for position in range(len(articles))]

    def with_current_seed(self, article: Article, fingerprint: Fingerprint) -> Fingerprint:
        """Return the fingerprint, made anew if the index of its namespace was created again with another seed."""
        is_current = fingerprint.seed == self.seed_of(article.namespace)
        return fingerprint if is_current else self.fingerprint(article)

    def event(self, article: Article, fingerprint: Fingerprint, decision: Decision, message: Message) -> OutputRecord:
        """Build the event of a decision."""
        return event_record(article, fingerprint, decision, message, topics=self.event_topics)

    def merges(
        self, article: Article, fingerprint: Fingerprint, decision: Decision, message: Message
    ) -> Sequence[tuple[OutputRecord, OutputRecord]]:
        """Build the event of each merge of a decision, each with a smaller one for a topic that refuses the first."""
        if not decision.merges:
            return ()
        topic = self.event_topics[EventType.MERGED]
        return merge_records(article, fingerprint.namespace, decision, message, topic=topic)

    def dead_letter(self, message: Message | CorruptRecord, rejection: Rejection, now: float) -> OutputRecord:
        """Build the dead letter that keeps the message. `now` is seconds since the epoch."""
        return dead_letters.dead_letter_record(
            self.dead_letter_topic, message, rejection, now, connect_headers=self.connect_headers
        )

    def dead_letter_notice(self, message: Message | CorruptRecord, rejection: Rejection, now: float) -> OutputRecord:
        """Build the dead letter of headers alone, for a message that is too large to keep."""
        return dead_letters.notice_record(
            self.dead_letter_topic, message, rejection, now, connect_headers=self.connect_headers
        )
