"""Every setting: environment variable, default, description, and the bounds of its value.

The variable is `REPRISE_`, the group's prefix and the field's name in upper case. The defaults of everything that can
be set stand here, except those of the decision: they are part of the rule and stand in its dataclass.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from reprise.dedup.rule import Rule
from reprise.messages.formats import DEFAULT_FORMAT
from reprise.model import DEFAULT_NAMESPACE
from reprise.settings.types import (
    Brokers,
    DeliveryMode,
    Generation,
    HttpUrl,
    HttpUserName,
    InputFields,
    InputFormat,
    Name,
    NamespaceKey,
    NamespaceName,
    NamespaceValues,
    Ratio,
    ReadableFile,
    RedisUrl,
    Retention,
    Secret,
    Timeout,
    TopicName,
)

PREFIX: Final = "REPRISE_"

_RULE: Final = Rule()


class SettingsGroup(BaseModel):
    """A group of settings. `title` heads it in help texts, `prefix` precedes the names of its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    title: ClassVar[str]
    prefix: ClassVar[str] = ""


class KafkaSettings(SettingsGroup):
    """Connections to the brokers, and the consumer group."""

    title = "Kafka"
    prefix = "KAFKA_"

    bootstrap_servers: Brokers = Field(
        default="localhost:9092", description="Brokers to connect to first; the others are discovered from them."
    )
    group_id: Name = Field(
        default="reprise", description="Consumer group. The workers of a group share the partitions."
    )
    group_instance_id: Name | None = Field(
        default=None,
        description="Static membership: an id that only this worker uses and that it keeps when it restarts.",
    )
    auto_offset_reset: Literal["earliest", "latest"] = Field(
        default="earliest", description="Where to start reading if the group has no committed offset."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Protocol of the connections to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="SASL mechanism, required with SASL_PLAINTEXT and SASL_SSL."
    )
    sasl_username: Name | None = Field(default=None, repr=False, description="SASL user name.")
    sasl_password: Secret | None = Field(default=None, description="SASL password.")
    ssl_cafile: ReadableFile | None = Field(
        default=None, description="PEM file of the trusted certificate authorities, instead of the system's."
    )
    ssl_certfile: ReadableFile | None = Field(default=None, description="PEM file of the client certificate.")
    ssl_keyfile: ReadableFile | None = Field(
        default=None, description="PEM file of the private key of the client certificate."
    )
    request_timeout_seconds: Timeout = Field(default=30.0, description="Timeout of a request to a broker.")
    session_timeout_seconds: Timeout = Field(
        default=45.0,
        description="The broker removes a worker from the group if no heartbeat arrives for this long.",
    )
    max_poll_interval_seconds: Timeout = Field(
        default=300.0, description="A worker leaves the group if it does not poll for this long."
    )


class InputSettings(SettingsGroup):
    """The shape of the input messages."""

    title = "Input"
    prefix = "INPUT_"

    format: InputFormat = Field(
        default=DEFAULT_FORMAT,
        description="Shape of the input messages: the crawler, feed or connector that wrote them. "
        "`reprise input check FILE` finds it.",
    )
    fields: InputFields | None = Field(
        default=None,
        description="Where a message has a field, if REPRISE_INPUT_FORMAT does not say it: "
        "text=body.content; url=link.",
    )


class SchemaRegistrySettings(SettingsGroup):
    """The Schema Registry of values in Confluent's wire format."""

    title = "Schema Registry"
    prefix = "SCHEMA_REGISTRY_"

    url: HttpUrl | None = Field(
        default=None,
        description="Address of the Schema Registry, for messages in Confluent's wire format: Avro, Protobuf or JSON "
        "Schema.",
    )
    username: HttpUserName | None = Field(
        default=None, repr=False, description="User name or API key for the registry."
    )
    password: Secret | None = Field(default=None, description="Password or API secret for the registry.")
    ssl_cafile: ReadableFile | None = Field(
        default=None, description="PEM file of the trusted certificate authorities, instead of the system's."
    )
    ssl_certfile: ReadableFile | None = Field(default=None, description="PEM file of the client certificate.")
    ssl_keyfile: ReadableFile | None = Field(
        default=None, description="PEM file of the private key of the client certificate."
    )
    timeout_seconds: Timeout = Field(default=5.0, description="Timeout of a request to the registry.")


class TopicSettings(SettingsGroup):
    """Names of the topics."""

    title = "Topic"
    prefix = "TOPIC_"

    articles: TopicName = Field(default="articles.raw", description="Input topic: raw articles.")
    new: TopicName = Field(default="stories.new", description="Output topic: an event for each new story.")
    variants: TopicName = Field(default="stories.variants", description="Output topic: an event for each variant.")
    merged: TopicName = Field(
        default="stories.merged",
        description="Output topic: an event for each story that is merged into an older one.",
    )
    dead: TopicName = Field(
        default="articles.dead",
        description="Dead-letter topic: messages that cannot be processed, with the reason in their headers.",
    )


class RedisSettings(SettingsGroup):
    """Connections to the Redis or Valkey server of the index."""

    title = "Redis"
    prefix = "REDIS_"

    url: RedisUrl = Field(
        default=SecretStr("redis://localhost:6379/0"),
        description="URL of the Redis or Valkey server that stores the index.",
    )
    password: Secret | None = Field(default=None, description="Password, if the URL contains none.")
    ssl_cafile: ReadableFile | None = Field(
        default=None,
        description="PEM file of the trusted certificate authorities, instead of the system's; with rediss:// only.",
    )
    ssl_certfile: ReadableFile | None = Field(default=None, description="PEM file of the client certificate.")
    ssl_keyfile: ReadableFile | None = Field(
        default=None, description="PEM file of the private key of the client certificate."
    )
    cluster: bool = Field(default=False, description="Set to true if the URL is that of a Redis Cluster node.")
    timeout_seconds: Timeout = Field(default=5.0, description="Timeout for connecting, and of each call.")
    allow_eviction: bool = Field(
        default=False,
        description="Start even if maxmemory-policy is not noeviction. Redis may then evict stories within the window.",
    )


class IndexSettings(SettingsGroup):
    """Namespaces of the index, its size, and how long it keeps its data."""

    title = "Index"

    namespace: NamespaceName = Field(
        default=DEFAULT_NAMESPACE,
        description="Namespace of the index, for example a language or a customer. "
        "Articles are compared within their namespace only.",
    )
    namespace_by: NamespaceKey | None = Field(
        default=None,
        description="Divide the namespace by a property of the articles: the language, a JSON field or a Kafka header.",
    )
    namespace_values: NamespaceValues | None = Field(
        default=None,
        description="Values of that property with a namespace of their own, named REPRISE_NAMESPACE-value. "
        "Articles with any other value, or with none, stay in REPRISE_NAMESPACE.",
    )
    index_generation: Generation | None = Field(
        default=None,
        description="Name that distinguishes several indexes of one namespace. Story ids do not depend on it.",
    )
    window_seconds: Retention = Field(
        default=604_800.0, description="How long the index keeps a story after its latest variant."
    )
    replay_seconds: Retention = Field(
        default=86_400.0,
        description="How long a decision is kept, so that a message that is read again gets the same one. "
        "Choose it longer than the longest rewind of offsets.",
    )
    expected_articles: int = Field(
        default=1_000_000,
        ge=100,
        le=1_000_000_000,
        description="Expected number of indexed articles in a window. Determines the layout, and is stored with the "
        "index.",
    )


class RuleSettings(SettingsGroup):
    """Thresholds and bounds of a decision; the fields and defaults are those of `Rule`."""

    title = "Decision"
    prefix = "RULE_"

    permutations: int = Field(
        default=_RULE.permutations,
        ge=8,
        le=256,
        description="MinHash permutations; each is an LSH band of one row. Stored with the index.",
    )
    sketch_size: int = Field(
        default=_RULE.sketch_size,
        ge=16,
        le=256,
        description="Maximum number of shingle hashes in a sketch. Stored with the index.",
    )
    stop_stories: int = Field(
        default=_RULE.stock_phrase_stories,
        ge=2,
        le=1000,
        description="A bucket with articles of this many stories is a stock phrase and yields no candidates.",
    )
    bucket_entries: int = Field(
        default=_RULE.bucket_entries, ge=2, le=12, description="Maximum number of articles in a bucket."
    )
    candidates: int = Field(
        default=_RULE.candidates,
        ge=1,
        le=1000,
        description="Maximum number of candidates that an article is compared with.",
    )
    sentence_share: Ratio = Field(
        default=_RULE.sentence_share,
        description="A sentence counts as copied if at least this ratio of its shingles is shared.",
    )
    figure_share: Ratio = Field(
        default=_RULE.figure_share,
        description="A sentence counts as copied only if at least this ratio of its shingles with a digit is shared.",
    )
    copied_share: Ratio = Field(
        default=_RULE.copied_share,
        description="Articles of two sources match if copied sentences make up at least this ratio of the smaller.",
    )
    copied_hashes: int = Field(
        default=_RULE.copied_hashes,
        ge=1,
        le=1000,
        description="Articles match only if copied sentences contain at least this many sampled hashes.",
    )
    copied_words: int = Field(
        default=_RULE.copied_words,
        ge=1,
        le=100_000,
        description="Articles match only if copied sentences contain at least this many words.",
    )
    same_source: Ratio = Field(
        default=_RULE.same_source_similarity,
        description="Articles of one source, whose pages share boilerplate, match from this similarity of copied "
        "sentences on.",
    )
    update_share: Ratio = Field(
        default=_RULE.update_share,
        description="Articles of one source match, too, if whole copied sentences make up at least this ratio of the "
        "smaller text.",
    )
    update_words: int = Field(
        default=_RULE.update_words,
        ge=1,
        le=100_000,
        description="Minimum words in copied sentences of such articles of one source: more than a notice has.",
    )
    template_ratio: Ratio = Field(
        default=_RULE.template_ratio,
        description="But not if sentences that are shared in part hold more than this ratio of the text in whole ones: "
        "texts from one template differ in the names and figures of a sentence.",
    )
    short_containment: Ratio = Field(
        default=_RULE.short_containment,
        description="A text of which copied sentences make up this ratio may have fewer words than copied_words.",
    )
    short_hashes: int = Field(
        default=_RULE.short_hashes,
        ge=1,
        le=1000,
        description="Sampled hashes that copied sentences of such a short text contain at least.",
    )
    anchor_share: Ratio = Field(
        default=_RULE.anchor_share,
        description="An article that copies less than this ratio of the smaller text must share text with the founder "
        "of the story, too.",
    )
    founder_share: Ratio = Field(
        default=_RULE.founder_share,
        description="Minimum ratio of the smaller text that such an article shares with the founder.",
    )
    older_share: Ratio = Field(
        default=_RULE.strong_support_ratio,
        description="An article of another source supports its story strongly if copied sentences make up at least "
        "this ratio of the smaller text.",
    )
    merge_sources: int = Field(
        default=_RULE.merge_sources,
        ge=2,
        le=1000,
        description="A story is merged into an older one if sources of this many registered domains support each of "
        "them strongly.",
    )
    merge_containment: Ratio = Field(
        default=_RULE.merge_containment,
        description="Stories are merged only if the supporting articles of both share this ratio of the smaller text: "
        "the median of all pairs.",
    )
    near: Ratio = Field(
        default=_RULE.near_similarity,
        description="Any two articles match from this similarity of copied sentences on. A variant of this similarity "
        "is near, any other is partial.",
    )
    novel: Ratio = Field(
        default=_RULE.index_below_similarity,
        description="From this similarity on an article is not indexed, because its match represents it.",
    )


class LimitSettings(SettingsGroup):
    """Sizes of batches and messages, and the circuit breaker."""

    title = "Limit"

    #: A round trip to Redis and a commit of offsets cost little per message at this size, and a retry repeats no more.
    batch_max_articles: int = Field(default=500, ge=1, le=10_000, description="Maximum number of messages in a batch.")
    #: Four times the default limit of a Kafka broker.
    max_message_bytes: int = Field(
        default=4_194_304,
        ge=1024,
        le=104_857_600,
        description="Maximum size of a message. A larger one goes to the dead-letter topic.",
    )
    #: A long read has some 50,000.
    max_text_characters: int = Field(
        default=500_000,
        ge=1000,
        le=10_000_000,
        description="Maximum length of an article's text. A longer one goes to the dead-letter topic.",
    )
    #: One batch of a broken producer reaches it; one bad page a minute never does.
    circuit_in_a_row: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="Stop the worker when this many consecutive messages cannot be processed.",
    )
    #: In real crawls fewer than 1 in 100 messages become dead letters.
    circuit_share: Ratio = Field(
        default=0.3,
        description="Stop the worker when more than this ratio of the latest messages cannot be processed.",
    )


class TimeSettings(SettingsGroup):
    """Timeouts of the worker itself."""

    title = "Timeout"

    poll_timeout_seconds: Timeout = Field(default=1.0, description="Maximum time that a poll waits for messages.")
    flush_timeout_seconds: Timeout = Field(
        default=30.0,
        description="Timeout for acknowledging the events of a batch, and for committing its offsets.",
    )
    drain_timeout_seconds: Timeout = Field(
        default=45.0,
        description="Timeout of a graceful shutdown. Messages that are not committed by then are read again.",
    )
    startup_timeout_seconds: Timeout = Field(
        default=60.0, description="How long to wait for Redis and Kafka at the start before exiting with an error."
    )
    liveness_timeout_seconds: Timeout = Field(
        default=120.0, description="/livez fails if no poll has completed for this long."
    )
    circuit_hold_seconds: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="How long /metrics is still served after the circuit breaker stopped the worker, so that a scrape "
        "records the reason.",
    )


class ServiceSettings(SettingsGroup):
    """Delivery, the HTTP server and logs."""

    title = "Service"

    delivery: DeliveryMode = Field(
        default=DeliveryMode.AT_LEAST_ONCE,
        description="Delivery guarantee. With transactional, events and offsets are one Kafka transaction.",
    )
    dead_letter_headers: Literal["reprise", "kafka-connect"] = Field(
        default="reprise",
        description="Headers of dead letters. With kafka-connect, they also have the headers __connect.errors.* of "
        "Kafka Connect.",
    )
    http_port: int = Field(
        default=9464, ge=0, le=65_535, description="Port of /metrics, /livez and /readyz; 0 selects a free one."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Minimum level of log lines."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="Format of log lines: a JSON object each, or text for a terminal."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; `load` builds them from the environment."""

    kafka: KafkaSettings
    input: InputSettings
    schema_registry: SchemaRegistrySettings
    topics: TopicSettings
    redis: RedisSettings
    index: IndexSettings
    rule: RuleSettings
    limits: LimitSettings
    times: TimeSettings
    service: ServiceSettings


def variable_name(group: type[SettingsGroup], field: str) -> str:
    """Return the environment variable of a field."""
    return f"{PREFIX}{group.prefix}{field}".upper()


def setting_groups() -> Iterator[tuple[str, type[SettingsGroup]]]:
    """Yield the name and type of each group, in the order of Settings."""
    for field in fields(Settings):
        yield field.name, cast("type[SettingsGroup]", field.type)
