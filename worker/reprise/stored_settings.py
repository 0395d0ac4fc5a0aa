"""Log the settings that have no effect, because the index stores others, which hold for all of its workers."""

from collections.abc import Mapping, Sequence

from reprise.dedup.retention import Retention
from reprise.dedup.rule import Rule
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.stored_rule import changed_thresholds
from reprise.observability.logging import get_logger


def log_longer_retention(index: RedisIndex, namespaces: Sequence[str], own: Retention) -> None:
    """Log the namespaces whose index keeps its data longer than this worker's settings say."""
    for namespace in namespaces:
        kept = index.retention_of(namespace)
        if kept != own:
            get_logger().warning(
                "longer_retention_kept",
                namespace=namespace,
                window_seconds=kept.window_seconds,
                replay_seconds=kept.replay_seconds,
                own_window_seconds=own.window_seconds,
                own_replay_seconds=own.replay_seconds,
                reason="another worker of this namespace has a longer retention, which holds for all of them; "
                "docs/concepts/retention.md says how to shorten it",
            )


def log_stored_rule(index: RedisIndex, namespaces: Sequence[str], own: Rule, rule_fields: Mapping[str, str]) -> None:
    """Log the namespaces whose index stores other thresholds than this worker's settings.

    rule_fields  fields of Rule whose setting has another name, by that name
    """
    setting_names = {field: name for name, field in rule_fields.items()}
    for namespace in namespaces:
        changed = changed_thresholds(own, index.rule_of(namespace))
        if changed:
            get_logger().warning(
                "stored_rule_kept",
                namespace=namespace,
                thresholds={
                    f"REPRISE_RULE_{setting_names.get(name, name).upper()}": {"own": value, "stored": stored}
                    for name, (value, stored) in changed.items()
                },
                reason="the index was created with other thresholds, which hold for all of its workers; "
                "docs/concepts/retention.md says how to change them",
            )
