"""Every setting: its variable's name, default, meaning and what it allows alone.

A variable is `REPRISE_`, the group's part and the field's name in capitals.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from reprise.dedup.decision import Rule
from reprise.messages.decoder import DecoderLimits
from reprise.model import DEFAULT_NAMESPACE
from reprise.processing.circuit_breaker import CircuitLimits

PREFIX: Final = "REPRISE_"

#: The measured thresholds, and the core's own limits; each is a default below.
_RULE: Final = Rule()
_LIMITS: Final = DecoderLimits()
_CIRCUIT: Final = CircuitLimits()


#: Messages of a batch: a round trip to Redis and a commit cost little beside so many, and a retry repeats no more.
BATCH_MAX: Final = 500


#: Values with a namespace of their own: a batch asks each in a round trip, a start prepares them all. More than the
#: languages of most crawls; for more customers than that, several groups share them.
NAMESPACES_MAX: Final = 32


class DeliveryMode(StrEnum):
    """What a consumer of the events may rely on."""

    AT_LEAST_ONCE = "at_least_once"
    TRANSACTIONAL = "transactional"


def _hosts(value: str) -> str:
    for host in value.split(","):
        if not re.fullmatch(r"[^\s:/,]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}", host.strip()):
            raise ValueError
    return ",".join(host.strip() for host in value.split(","))


def _namespace_values(value: str) -> str:
    values = dict.fromkeys(each.strip().lower() for each in value.split(","))
    if len(values) > NAMESPACES_MAX or not all(re.fullmatch(r"[a-z0-9._-]{1,64}", each) for each in values):
        raise ValueError
    return ",".join(values)


def _redis_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    located = parts.path.strip("/") if parts.scheme == "unix" else parts.hostname
    if parts.scheme not in {"redis", "rediss", "unix"} or not located:
        raise ValueError
    _ = parts.port  # raises ValueError where it is no port
    return value


def _readable_file(value: Path) -> Path:
    if not value.is_file() or not os.access(value, os.R_OK):
        raise ValueError
    return value


def _allowed(words: str) -> dict[str, Any]:
    return {"json_schema_extra": {"allowed": words}}


Hosts = Annotated[str, AfterValidator(_hosts), Field(**_allowed("host:port, or several with commas between"))]
RedisUrl = Annotated[
    SecretStr, AfterValidator(_redis_url), Field(**_allowed("redis://HOST:PORT/DB, rediss://... or unix://PATH"))
]
ReadableFile = Annotated[Path, AfterValidator(_readable_file), Field(**_allowed("the path of a readable file"))]
Secret = Annotated[SecretStr, Field(min_length=1, **_allowed("any text"))]
Name = Annotated[str, Field(min_length=1, max_length=255, **_allowed("a text of 1 to 255 characters"))]
Topic = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9._-]{1,249}$", **_allowed("1 to 249 of the characters a-z A-Z 0-9 . _ -"))
]
Namespace = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9._-]{1,64}$", **_allowed("1 to 64 of the characters a-z A-Z 0-9 . _ -"))
]
NamespaceBy = Annotated[
    str,
    Field(
        pattern=r"^(lang|(field|header):[a-zA-Z0-9._-]{1,64})$",
        **_allowed("lang, field:NAME or header:NAME, with 1 to 64 of the characters a-z A-Z 0-9 . _ - for NAME"),
    ),
]
NamespaceValues = Annotated[
    str,
    AfterValidator(_namespace_values),
    Field(**_allowed(f"1 to {NAMESPACES_MAX} names with commas between, each 1 to 64 of the characters a-z 0-9 . _ -")),
]
Generation = Annotated[
    str, Field(pattern=r"^[a-zA-Z0-9._-]{1,32}$", **_allowed("1 to 32 of the characters a-z A-Z 0-9 . _ -"))
]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
#: Seconds that something is waited for: at most an hour, so that every wait has an end.
Wait = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
#: Seconds that something is remembered: at most a year.
Memory = Annotated[float, Field(ge=1, le=31_622_400, allow_inf_nan=False)]


class SettingsGroup(BaseModel):
    """Settings that one part of the worker is built from; `part` stands between the prefix and the field's name."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    part: ClassVar[str] = ""


class KafkaSettings(SettingsGroup):
    """Kafka."""

    part = "KAFKA_"

    bootstrap_servers: Hosts = Field(default="localhost:9092", description="The brokers to ask first.")
    group_id: Name = Field(
        default="reprise", description="The consumer group; workers of one group share the partitions."
    )
    group_instance_id: Name | None = Field(
        default=None, description="Static membership: a name of this worker alone that it keeps through a restart."
    )
    auto_offset_reset: Literal["earliest", "latest"] = Field(
        default="earliest", description="Where a group without a committed offset begins."
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="How to talk to the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="How to log in, with SASL_PLAINTEXT or SASL_SSL."
    )
    sasl_username: Name | None = Field(default=None, repr=False, description="The user to log in as.")
    sasl_password: Secret | None = Field(default=None, description="The user's password.")
    ssl_cafile: ReadableFile | None = Field(
        default=None, description="The authorities to trust; the system's where unset."
    )
    ssl_certfile: ReadableFile | None = Field(default=None, description="This worker's certificate, for mutual TLS.")
    ssl_keyfile: ReadableFile | None = Field(default=None, description="The certificate's key.")
    request_timeout_seconds: Wait = Field(default=30.0, description="How long one request to a broker may take.")
    session_timeout_seconds: Wait = Field(
        default=45.0, description="A worker not heard of for so long has its partitions given to others."
    )
    max_poll_interval_seconds: Wait = Field(
        default=300.0, description="A worker that polls less often than this has its partitions given to others."
    )


class TopicSettings(SettingsGroup):
    """Topics."""

    part = "TOPIC_"

    articles: Topic = Field(default="articles.raw", description="Raw articles, read.")
    new: Topic = Field(default="stories.new", description="An event for each new story, written.")
    variants: Topic = Field(default="stories.variants", description="An event for each variant, written.")
    dead: Topic = Field(default="articles.dead", description="Messages that cannot be read, written with the reason.")


class RedisSettings(SettingsGroup):
    """Redis."""

    part = "REDIS_"

    url: RedisUrl = Field(
        default=SecretStr("redis://localhost:6379/0"), description="The Redis or Valkey of the index."
    )
    password: Secret | None = Field(default=None, description="The password, where the URL holds none.")
    ssl_cafile: ReadableFile | None = Field(
        default=None, description="The authorities to trust, with rediss://; the system's where unset."
    )
    ssl_certfile: ReadableFile | None = Field(default=None, description="This worker's certificate, for mutual TLS.")
    ssl_keyfile: ReadableFile | None = Field(default=None, description="The certificate's key.")
    cluster: bool = Field(default=False, description="Whether the URL is that of a node of a Redis Cluster.")
    timeout_seconds: Wait = Field(default=5.0, description="How long connecting, or one call, may take.")
    allow_eviction: bool = Field(
        default=False,
        description="Start also where maxmemory-policy is not noeviction: Redis may then forget stories early.",
    )


class IndexSettings(SettingsGroup):
    """Index."""

    namespace: Namespace = Field(default=DEFAULT_NAMESPACE, description="Whose index this is (a language, a customer).")
    namespace_by: NamespaceBy | None = Field(
        default=None, description="What gives an article an index of its own: its language, a JSON field or a header."
    )
    namespace_values: NamespaceValues | None = Field(
        default=None,
        description="Its values with a namespace of their own, NAMESPACE-VALUE; articles with any other, or with none, "
        "stay in the namespace itself.",
    )
    index_generation: Generation | None = Field(
        default=None, description="Which of several indexes of the namespace; ids of stories do not depend on it."
    )
    window_seconds: Memory = Field(
        default=604_800.0, description="How long a story is remembered after its last variant."
    )
    replay_seconds: Memory = Field(
        default=86_400.0, description="How long a decision is kept for a replay; longer than the longest rewind."
    )
    expected_articles: int = Field(
        default=1_000_000,
        ge=100,
        le=1_000_000_000,
        description="Articles in a window; sizes the index, and is stored with it.",
    )


class RuleSettings(SettingsGroup):
    """Decision."""

    part = "RULE_"

    permutations: int = Field(
        default=_RULE.permutations,
        ge=8,
        le=256,
        description="MinHash permutations, each a band; stored with the index.",
    )
    sketch_size: int = Field(
        default=_RULE.sketch_size, ge=16, le=256, description="Hashes in a sketch; stored with the index."
    )
    stop_stories: int = Field(
        default=_RULE.stop_stories,
        ge=2,
        le=1000,
        description="A bucket with so many stories is a stock phrase and counts for nothing.",
    )
    bucket_entries: int = Field(
        default=_RULE.bucket_entries, ge=2, le=12, description="The most articles that one bucket holds."
    )
    candidates: int = Field(
        default=_RULE.candidates, ge=1, le=1000, description="The most candidates that an article is compared with."
    )
    sentence_share: Share = Field(
        default=_RULE.sentence_share, description="A sentence is copied when this share of its shingles is shared."
    )
    figure_share: Share = Field(
        default=_RULE.figure_share, description="And this share of its shingles that hold a digit."
    )
    copied_share: Share = Field(
        default=_RULE.copied_share, description="Across sources: least share of the smaller text in copied sentences."
    )
    copied_hashes: int = Field(default=_RULE.copied_hashes, ge=1, le=1000, description="Least sampled hashes in them.")
    copied_words: int = Field(default=_RULE.copied_words, ge=1, le=100_000, description="Least words in them.")
    same_source: Share = Field(
        default=_RULE.same_source,
        description="Within one source, whose pages share boilerplate: least similarity in copied sentences.",
    )
    older_share: Share = Field(
        default=_RULE.older_share, description="An older story wins over the best match from this copied share on."
    )
    older_sources: int = Field(
        default=_RULE.older_sources, ge=1, le=1000, description="And with representatives from so many sources."
    )
    near: Share = Field(default=_RULE.near, description="From this similarity on a variant is near, else partial.")
    novel: Share = Field(
        default=_RULE.novel, description="From this similarity on an article is not indexed: its match covers it."
    )


class LimitSettings(SettingsGroup):
    """Limits."""

    batch_max_articles: int = Field(
        default=BATCH_MAX, ge=1, le=10_000, description="The most messages decided as one batch."
    )
    max_message_bytes: int = Field(
        default=_LIMITS.message_bytes, ge=1024, le=104_857_600, description="A larger message goes to the dead letters."
    )
    max_text_characters: int = Field(
        default=_LIMITS.text_characters, ge=1000, le=10_000_000, description="A longer text goes to the dead letters."
    )
    circuit_in_a_row: int = Field(
        default=_CIRCUIT.in_a_row, ge=1, le=1_000_000, description="Stop when so many messages in a row cannot be read."
    )
    circuit_share: Share = Field(
        default=_CIRCUIT.share, description="Stop when more than this share of messages cannot be read."
    )


class TimeSettings(SettingsGroup):
    """Times."""

    poll_timeout_seconds: Wait = Field(default=1.0, description="How long one poll waits for messages.")
    flush_timeout_seconds: Wait = Field(
        default=30.0,
        description="How long the events of a batch may take to be acknowledged, and its offsets to be committed.",
    )
    drain_timeout_seconds: Wait = Field(
        default=45.0,
        description="How long stopping may take; what is not committed by then is read again after a restart.",
    )
    startup_timeout_seconds: Wait = Field(
        default=60.0, description="How long to wait for Redis and Kafka at the start."
    )
    liveness_timeout_seconds: Wait = Field(
        default=120.0, description="/livez fails when no poll completed for so long."
    )
    circuit_hold_seconds: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="How long /metrics still answers after the circuit limit stopped the worker; a scrape sees why.",
    )


class ServiceSettings(SettingsGroup):
    """Service."""

    delivery: DeliveryMode = Field(
        default=DeliveryMode.AT_LEAST_ONCE, description="Whether events and offsets are one Kafka transaction."
    )
    http_port: int = Field(
        default=9464, ge=0, le=65_535, description="/metrics, /livez and /readyz; 0 takes a free port."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level logged."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="One JSON object a line, or lines for people."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the environment says; build it with `load`."""

    kafka: KafkaSettings
    topics: TopicSettings
    redis: RedisSettings
    index: IndexSettings
    rule: RuleSettings
    limits: LimitSettings
    times: TimeSettings
    service: ServiceSettings


def variable(group: type[SettingsGroup], field: str) -> str:
    """Name the environment variable of a field."""
    return f"{PREFIX}{group.part}{field}".upper()


def groups() -> Iterator[tuple[str, type[SettingsGroup]]]:
    """List the groups by their names in Settings, in its order."""
    for field in fields(Settings):
        yield field.name, cast("type[SettingsGroup]", field.type)
