"""Creating the topics, and saying how existing ones differ; nothing that exists is ever altered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kafka import errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from reprise.errors import Fatal
from reprise.kafka.clients import close_quietly, milliseconds, open_admin
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.settings.groups import KafkaSettings

#: Kafka's word for "keep for ever".
FOREVER_MS: Final = -1

_RETENTION: Final = "retention.ms"

#: Seconds for new topics to have a leader for every partition.
_READY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """A topic as it should be. None leaves a point to the broker at creation, and unchecked later.

    retention_seconds  how long records are kept; a negative number means for ever
    """

    name: str
    partitions: int | None = None
    replication: int | None = None
    retention_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """A topic as it is. `differences` are lines for people, one a point; `created` says that it was not there."""

    name: str
    created: bool
    differences: tuple[str, ...] = ()


def missing_topics(settings: KafkaSettings, names: Sequence[str]) -> Sequence[str]:
    """List those of the topics that do not exist, in order. Raises Unreachable, Fatal."""
    admin = open_admin(settings)
    try:
        there = _describe(admin, names)
    finally:
        close_quietly(admin.close)
    return [name for name in names if name not in there]


def check_topics(settings: KafkaSettings, plans: Sequence[TopicPlan]) -> Sequence[TopicState]:
    """Compare topics with their plans, in order, and change nothing; a missing one is a difference.

    Raises Unreachable, Fatal.
    """
    admin = open_admin(settings)
    try:
        return _states(admin, plans, created=frozenset())
    finally:
        close_quietly(admin.close)


def create_topics(settings: KafkaSettings, plans: Sequence[TopicPlan]) -> Sequence[TopicState]:
    """Create the topics that do not exist and compare the others with their plans, in order.

    Raises Unreachable, Fatal; what was created before stays, and the same call may be made again.
    """
    admin = open_admin(settings)
    try:
        there = _describe(admin, [plan.name for plan in plans])
        created = frozenset(plan.name for plan in plans if plan.name not in there and _create(admin, plan))
        if created:
            admin.wait_for_topics(sorted(created), timeout_ms=milliseconds(_READY_SECONDS))
        return _states(admin, plans, created=created)
    except (errors.KafkaError, TimeoutError) as error:
        raise translate_kafka_error(error, "creating topics") from error
    finally:
        close_quietly(admin.close)


def _create(admin: KafkaAdminClient, plan: TopicPlan) -> bool:
    """Create one topic; answers whether it was us (another worker may do it at the same time)."""
    options: dict[str, Any] = {}
    if plan.partitions is not None:
        options["num_partitions"] = plan.partitions
    if plan.replication is not None:
        options["replication_factor"] = plan.replication
    if plan.retention_seconds is not None:
        options["configs"] = {_RETENTION: str(_retention_ms(plan.retention_seconds))}
    try:
        admin.create_topics({plan.name: options})
    except errors.TopicAlreadyExistsError:
        return False
    except (
        errors.InvalidReplicationFactorError,
        errors.InvalidPartitionsError,
        errors.InvalidConfigurationError,
    ) as error:
        raise Fatal(f"topic {plan.name} cannot be created: {error}") from error
    return True


def _states(admin: KafkaAdminClient, plans: Sequence[TopicPlan], *, created: frozenset[str]) -> Sequence[TopicState]:
    there = _describe(admin, [plan.name for plan in plans])
    retention = _retentions(admin, [name for name in there if name not in created])
    states = []
    for plan in plans:
        found = there.get(plan.name)
        if plan.name in created:
            differences: tuple[str, ...] = ()
        elif found is None:
            differences = ("does not exist",)
        else:
            differences = tuple(_differences(plan, found, retention.get(plan.name)))
        states.append(TopicState(name=plan.name, created=plan.name in created, differences=differences))
    return states


def _differences(plan: TopicPlan, found: Mapping[str, Any], retention_ms: int | None) -> list[str]:
    partitions = found["partitions"]
    replication = min((len(partition["replica_nodes"]) for partition in partitions), default=0)
    lines = []
    if plan.partitions is not None and plan.partitions != len(partitions):
        lines.append(f"has {len(partitions)} partitions, not {plan.partitions}")
    if plan.replication is not None and plan.replication != replication:
        lines.append(f"has replication {replication}, not {plan.replication}")
    if plan.retention_seconds is not None and retention_ms is not None:
        wanted_ms = _retention_ms(plan.retention_seconds)
        if wanted_ms != retention_ms:
            lines.append(f"keeps records {_span(retention_ms)}, not {_span(wanted_ms)}")
    return lines


def _describe(admin: KafkaAdminClient, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Give what the cluster knows of those of the topics that exist."""
    try:
        described = admin.describe_topics(list(names))
    except errors.KafkaError as error:
        raise translate_kafka_error(error, "asking for topics") from error
    for topic in described:
        if topic["error_code"] == errors.TopicAuthorizationFailedError.errno:
            raise Fatal(f"not allowed to describe topic {topic['name']}")
    return {topic["name"]: topic for topic in described if topic["error_code"] == 0}


def _retentions(admin: KafkaAdminClient, names: Sequence[str]) -> Mapping[str, int]:
    """Give the retention of each topic in milliseconds, the broker's default included."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, {_RETENTION: None}) for name in names]
    try:
        found = admin.describe_configs(resources, config_filter="all")
    except errors.KafkaError as error:
        raise translate_kafka_error(error, "asking for the configuration of topics") from error
    return {name: int(config[_RETENTION]["value"]) for name, config in found["topic"].items() if _RETENTION in config}


def _retention_ms(seconds: float) -> int:
    return FOREVER_MS if seconds < 0 else milliseconds(seconds)


def _span(retention_ms: int) -> str:
    return "for ever" if retention_ms < 0 else f"for {retention_ms / 1000:g} s"
