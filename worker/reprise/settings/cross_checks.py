"""Checks that compare settings with one another."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from reprise.settings.groups import (
    IndexSettings,
    KafkaSettings,
    RedisSettings,
    RuleSettings,
    SchemaRegistrySettings,
    TimeSettings,
    TopicSettings,
    variable_name,
)

_REGISTRY_URL: Final = "REPRISE_SCHEMA_REGISTRY_URL"


def cross_check(groups: Mapping[str, Any]) -> Iterator[str]:
    """Yield an error line for each conflict between settings.

    `groups` holds the valid groups by name; a check that needs another group is skipped.
    """
    checks: Sequence[tuple[Callable[..., Iterator[str]], tuple[str, ...]]] = (
        (_check_kafka, ("kafka",)),
        (_check_schema_registry, ("schema_registry",)),
        (_check_topics, ("topics",)),
        (_check_redis, ("redis",)),
        (_check_namespaces, ("index",)),
        (_check_rule, ("rule",)),
        (_check_timeouts, ("times", "kafka", "redis")),
    )
    for check, needed in checks:
        if all(name in groups for name in needed):
            yield from check(*(groups[name] for name in needed))


def _check_kafka(kafka: KafkaSettings) -> Iterator[str]:
    protocol = kafka.security_protocol
    for name in ("sasl_mechanism", "sasl_username", "sasl_password"):
        is_set = getattr(kafka, name) is not None
        if is_set != protocol.startswith("SASL"):
            problem = "has no effect" if is_set else "is required"
            yield f"{variable_name(KafkaSettings, name)}: {problem} with REPRISE_KAFKA_SECURITY_PROTOCOL={protocol}"
    if "SSL" not in protocol:
        yield from _reject_tls(kafka, f"with REPRISE_KAFKA_SECURITY_PROTOCOL={protocol}")
    yield from _check_key_pair(kafka)
    if kafka.session_timeout_seconds >= kafka.max_poll_interval_seconds:
        yield (
            f"REPRISE_KAFKA_SESSION_TIMEOUT_SECONDS: invalid value {kafka.session_timeout_seconds:g}; "
            f"allowed: less than REPRISE_KAFKA_MAX_POLL_INTERVAL_SECONDS={kafka.max_poll_interval_seconds:g}"
        )


def _check_schema_registry(registry: SchemaRegistrySettings) -> Iterator[str]:
    if registry.url is None:
        for name in ("username", "password", "ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            if getattr(registry, name) is not None:
                yield f"{variable_name(SchemaRegistrySettings, name)}: has no effect without {_REGISTRY_URL}"
        return
    if (registry.username is None) != (registry.password is None):
        given, other = ("username", "password") if registry.password is None else ("password", "username")
        variables = (variable_name(SchemaRegistrySettings, name) for name in (given, other))
        yield "{}: requires {}".format(*variables)
    if not registry.url.startswith("https:"):
        yield from _reject_tls(registry, f"unless {_REGISTRY_URL} begins with https:")
    yield from _check_key_pair(registry)


def _check_topics(topics: TopicSettings) -> Iterator[str]:
    variables: dict[str, str] = {}
    for name in TopicSettings.model_fields:
        topic, variable = getattr(topics, name), variable_name(TopicSettings, name)
        if topic in variables:
            yield f"{variable}: invalid value {topic!r}; {variables[topic]} names the same topic"
        variables.setdefault(topic, variable)


def _check_redis(redis: RedisSettings) -> Iterator[str]:
    url = redis.url.get_secret_value()
    if redis.cluster and url.startswith("unix:"):
        yield "REPRISE_REDIS_CLUSTER: invalid value true; a Redis Cluster has no Unix socket as in REPRISE_REDIS_URL"
    if not url.startswith("rediss:"):
        yield from _reject_tls(redis, "unless REPRISE_REDIS_URL begins with rediss:")
    yield from _check_key_pair(redis)


def _reject_tls(group: KafkaSettings | RedisSettings | SchemaRegistrySettings, condition: str) -> Iterator[str]:
    for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
        if getattr(group, name) is not None:
            yield f"{variable_name(type(group), name)}: has no effect {condition}"


def _check_key_pair(group: KafkaSettings | RedisSettings | SchemaRegistrySettings) -> Iterator[str]:
    if group.ssl_keyfile is not None and group.ssl_certfile is None:
        keyfile, certfile = (variable_name(type(group), name) for name in ("ssl_keyfile", "ssl_certfile"))
        yield f"{keyfile}: requires {certfile}"


def _check_namespaces(index: IndexSettings) -> Iterator[str]:
    key, values = index.namespace_by, index.namespace_values
    if key is not None and values is None:
        yield "REPRISE_NAMESPACE_BY: requires REPRISE_NAMESPACE_VALUES"
    if key is None and values is not None:
        yield "REPRISE_NAMESPACE_VALUES: has no effect without REPRISE_NAMESPACE_BY"
    if key == "lang" and values is not None:
        for value in values.split(","):
            if not re.fullmatch(r"[a-z]{2,8}", value):  # the decoder reduces each language to its primary subtag
                yield (
                    f"REPRISE_NAMESPACE_VALUES: invalid value {value!r} with REPRISE_NAMESPACE_BY=lang; "
                    "allowed: primary subtags, such as en or pt"
                )


def _check_rule(rule: RuleSettings) -> Iterator[str]:
    if rule.bucket_entries < rule.stop_stories:  # no bucket could hold articles of that many stories
        yield (
            f"REPRISE_RULE_BUCKET_ENTRIES: invalid value {rule.bucket_entries}; "
            f"allowed: at least REPRISE_RULE_STOP_STORIES={rule.stop_stories}"
        )


def batch_seconds(times: TimeSettings, redis: RedisSettings) -> float:
    """Return the longest time in seconds that a batch may take, apart from decoding it."""
    # Redis counts twice: one call decides the batch, another submits the next one.
    return times.poll_timeout_seconds + 2 * redis.timeout_seconds + times.flush_timeout_seconds


def _check_timeouts(times: TimeSettings, kafka: KafkaSettings, redis: RedisSettings) -> Iterator[str]:
    """Compare the longest time that a batch may take with the timeouts that bound it from outside."""
    limit = batch_seconds(times, redis)
    for variable, seconds in (
        ("REPRISE_KAFKA_MAX_POLL_INTERVAL_SECONDS", kafka.max_poll_interval_seconds),
        ("REPRISE_LIVENESS_TIMEOUT_SECONDS", times.liveness_timeout_seconds),
        ("REPRISE_DRAIN_TIMEOUT_SECONDS", times.drain_timeout_seconds),
    ):
        if seconds <= limit:
            yield (
                f"{variable}: invalid value {seconds:g}; allowed: more than {limit:g}, the sum of "
                "REPRISE_POLL_TIMEOUT_SECONDS, twice REPRISE_REDIS_TIMEOUT_SECONDS and REPRISE_FLUSH_TIMEOUT_SECONDS"
            )
