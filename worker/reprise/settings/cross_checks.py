"""What may be wrong between settings that are right each on its own."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reprise.settings.groups import (
    IndexSettings,
    KafkaSettings,
    RedisSettings,
    RuleSettings,
    TimeSettings,
    TopicSettings,
    variable,
)


def contradictions(groups: Mapping[str, Any]) -> Iterator[str]:
    """Check the groups against one another, one line a mistake; a check whose groups are not all there is left out."""
    checks: Sequence[tuple[Callable[..., Iterator[str]], tuple[str, ...]]] = (
        (_check_kafka, ("kafka",)),
        (_check_topics, ("topics",)),
        (_check_redis, ("redis",)),
        (_check_namespaces, ("index",)),
        (_check_rule, ("rule",)),
        (_check_times, ("times", "kafka", "redis")),
    )
    for check, needed in checks:
        if all(name in groups for name in needed):
            yield from check(*(groups[name] for name in needed))


def _check_kafka(kafka: KafkaSettings) -> Iterator[str]:
    protocol = kafka.security_protocol
    for name in ("sasl_mechanism", "sasl_username", "sasl_password"):
        given = getattr(kafka, name) is not None
        if given != protocol.startswith("SASL"):
            need = "not used" if given else "needed"
            yield f"{variable(KafkaSettings, name)}: is {need} with REPRISE_KAFKA_SECURITY_PROTOCOL={protocol}"
    for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        if getattr(kafka, name) is not None and "SSL" not in protocol:
            yield f"{variable(KafkaSettings, name)}: is not used with REPRISE_KAFKA_SECURITY_PROTOCOL={protocol}"
    if kafka.ssl_keyfile is not None and kafka.ssl_certfile is None:
        yield "REPRISE_KAFKA_SSL_KEYFILE: needs REPRISE_KAFKA_SSL_CERTFILE as well"
    if kafka.session_timeout_seconds >= kafka.max_poll_interval_seconds:
        yield (
            f"REPRISE_KAFKA_SESSION_TIMEOUT_SECONDS: {kafka.session_timeout_seconds:g} is not allowed; "
            f"allowed: less than REPRISE_KAFKA_MAX_POLL_INTERVAL_SECONDS={kafka.max_poll_interval_seconds:g}"
        )


def _check_topics(topics: TopicSettings) -> Iterator[str]:
    taken: dict[str, str] = {}
    for name in TopicSettings.model_fields:
        topic, key = getattr(topics, name), variable(TopicSettings, name)
        if topic in taken:
            yield f"{key}: {topic!r} is not allowed; {taken[topic]} names the same topic"
        taken.setdefault(topic, key)


def _check_redis(redis: RedisSettings) -> Iterator[str]:
    url = redis.url.get_secret_value()
    if redis.cluster and url.startswith("unix:"):
        yield "REPRISE_REDIS_CLUSTER: true is not allowed; a cluster has no Unix socket, as REPRISE_REDIS_URL has"
    for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        if getattr(redis, name) is not None and not url.startswith("rediss:"):
            yield f"{variable(RedisSettings, name)}: is not used where REPRISE_REDIS_URL does not begin with rediss:"
    if redis.ssl_keyfile is not None and redis.ssl_certfile is None:
        yield "REPRISE_REDIS_SSL_KEYFILE: needs REPRISE_REDIS_SSL_CERTFILE as well"


def _check_namespaces(index: IndexSettings) -> Iterator[str]:
    by, values = index.namespace_by, index.namespace_values
    if by is not None and values is None:
        yield "REPRISE_NAMESPACE_BY: needs REPRISE_NAMESPACE_VALUES as well"
    if by is None and values is not None:
        yield "REPRISE_NAMESPACE_VALUES: is not used without REPRISE_NAMESPACE_BY"
    if by == "lang" and values is not None:
        for value in values.split(","):
            if not re.fullmatch(r"[a-z]{2,8}", value):  # no article's language is ever reduced to it
                yield (
                    f"REPRISE_NAMESPACE_VALUES: {value!r} is not allowed with REPRISE_NAMESPACE_BY=lang; "
                    "allowed: primary subtags, such as en or pt"
                )


def _check_rule(rule: RuleSettings) -> Iterator[str]:
    if rule.bucket_entries < rule.stop_stories:  # no bucket could ever hold so many stories
        yield (
            f"REPRISE_RULE_BUCKET_ENTRIES: {rule.bucket_entries} is not allowed; "
            f"allowed: at least REPRISE_RULE_STOP_STORIES={rule.stop_stories}"
        )


def _check_times(times: TimeSettings, kafka: KafkaSettings, redis: RedisSettings) -> Iterator[str]:
    """Compare what a batch may wait for (a poll, Redis, its delivery) with the patience of those who wait for it."""
    # Redis twice: for the answers to one batch, and to take in the next
    batch = times.poll_timeout_seconds + 2 * redis.timeout_seconds + times.flush_timeout_seconds
    for key, value in (
        ("REPRISE_KAFKA_MAX_POLL_INTERVAL_SECONDS", kafka.max_poll_interval_seconds),
        ("REPRISE_LIVENESS_TIMEOUT_SECONDS", times.liveness_timeout_seconds),
        ("REPRISE_DRAIN_TIMEOUT_SECONDS", times.drain_timeout_seconds),
    ):
        if value <= batch:
            yield (
                f"{key}: {value:g} is not allowed; allowed: more than {batch:g}, the sum of "
                "REPRISE_POLL_TIMEOUT_SECONDS, twice REPRISE_REDIS_TIMEOUT_SECONDS and REPRISE_FLUSH_TIMEOUT_SECONDS"
            )
