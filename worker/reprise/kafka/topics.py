"""Create topics, and compare existing topics with their plan; nothing that exists is altered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import errors
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from reprise.errors import Fatal, RepriseError
from reprise.kafka.clients import close_quietly, open_admin
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.conversions import milliseconds
from reprise.settings.groups import KafkaSettings

#: Kafka's `retention.ms` for records that are never deleted.
FOREVER_MS: Final = -1

_RETENTION: Final = "retention.ms"

#: Seconds within which every partition of a new topic must have a leader.
_READY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """A topic as it should be. A field that is None takes the broker's default at creation, and is not compared.

    replication        number of replicas of each partition
    retention_seconds  how long records are kept; a negative number means that they are never deleted
    """

    name: str
    partitions: int | None = None
    replication: int | None = None
    retention_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicState:
    """A topic as it is.

    created      whether this call created it
    differences  one line for each difference from the plan, for people to read
    actual       the existing topic, as a plan; None if it does not exist. The retention of a new topic is None
    """

    name: str
    created: bool
    differences: tuple[str, ...] = ()
    actual: TopicPlan | None = field(default=None, compare=False)


def missing_topics(settings: KafkaSettings, names: Sequence[str]) -> Sequence[str]:
    """Return those of the topics that do not exist, in order. Raises Unreachable, Fatal."""
    admin = open_admin(settings)
    try:
        existing = _describe(admin, names)
    finally:
        close_quietly(admin.close)
    return [name for name in names if name not in existing]


def read_retention_seconds(settings: KafkaSettings, topic: str) -> float | None:
    """Return the retention of a topic in seconds.

    None if its messages are kept for ever, or if its configuration cannot be read: a worker's user often lacks the
    right DescribeConfigs, and a worker does not need it.
    """
    try:
        admin = open_admin(settings)
        try:
            retention_ms = _read_retention_ms(admin, [topic]).get(topic, FOREVER_MS)
        finally:
            close_quietly(admin.close)
    except RepriseError:
        return None
    return None if retention_ms < 0 else retention_ms / 1000


def check_topics(settings: KafkaSettings, plans: Sequence[TopicPlan]) -> Sequence[TopicState]:
    """Compare topics with their plans and change nothing; a missing topic counts as a difference.

    Returns the states in the order of the plans. Raises Unreachable, Fatal.
    """
    admin = open_admin(settings)
    try:
        return _compare(admin, plans, created=frozenset())
    finally:
        close_quietly(admin.close)


def create_topics(settings: KafkaSettings, plans: Sequence[TopicPlan]) -> Sequence[TopicState]:
    """Create the topics that do not exist and compare the others with their plans.

    Returns the states in the order of the plans. Raises Unreachable, Fatal; the topics created so far remain, and the
    call can be repeated.
    """
    admin = open_admin(settings)
    try:
        existing = _describe(admin, [plan.name for plan in plans])
        created = frozenset(plan.name for plan in plans if plan.name not in existing and _create(admin, plan))
        if created:
            admin.wait_for_topics(sorted(created), timeout_ms=milliseconds(_READY_SECONDS))
        return _compare(admin, plans, created=created)
    except (errors.KafkaError, TimeoutError) as error:
        raise translate_kafka_error(error, "creating topics") from error
    finally:
        close_quietly(admin.close)


def _create(admin: KafkaAdminClient, plan: TopicPlan) -> bool:
    """Create one topic; return False where another worker created it at the same time."""
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


def _compare(admin: KafkaAdminClient, plans: Sequence[TopicPlan], *, created: frozenset[str]) -> Sequence[TopicState]:
    existing = _describe(admin, [plan.name for plan in plans])
    retention_ms = _read_retention_ms(admin, [name for name in existing if name not in created])
    states = []
    for plan in plans:
        description = existing.get(plan.name)
        if plan.name in created:
            differences: tuple[str, ...] = ()
        elif description is None:
            differences = ("does not exist",)
        else:
            differences = tuple(_differences(plan, description, retention_ms.get(plan.name)))
        states.append(
            TopicState(
                name=plan.name,
                created=plan.name in created,
                differences=differences,
                actual=None if description is None else _actual(description, retention_ms.get(plan.name)),
            )
        )
    return states


def _actual(description: Mapping[str, Any], retention_ms: int | None) -> TopicPlan:
    """Return an existing topic as a plan; its replication is that of the partition with the fewest replicas."""
    partitions = description["partitions"]
    return TopicPlan(
        name=description["name"],
        partitions=len(partitions),
        replication=min((len(partition["replica_nodes"]) for partition in partitions), default=0),
        retention_seconds=None if retention_ms is None else -1.0 if retention_ms < 0 else retention_ms / 1000,
    )


def _differences(plan: TopicPlan, description: Mapping[str, Any], retention_ms: int | None) -> list[str]:
    actual = _actual(description, retention_ms)
    lines = []
    if plan.partitions is not None and plan.partitions != actual.partitions:
        lines.append(f"has {actual.partitions} partitions, not {plan.partitions}")
    if plan.replication is not None and plan.replication != actual.replication:
        lines.append(f"has replication {actual.replication}, not {plan.replication}")
    if plan.retention_seconds is not None and retention_ms is not None:
        planned_ms = _retention_ms(plan.retention_seconds)
        if planned_ms != retention_ms:
            lines.append(f"keeps records {_format_retention(retention_ms)}, not {_format_retention(planned_ms)}")
    return lines


def _describe(admin: KafkaAdminClient, names: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    """Return the descriptions of those of the topics that exist, by name."""
    try:
        descriptions = admin.describe_topics(list(names))
    except errors.KafkaError as error:
        raise translate_kafka_error(error, "describing topics") from error
    for description in descriptions:
        if description["error_code"] == errors.TopicAuthorizationFailedError.errno:
            raise Fatal(f"not allowed to describe topic {description['name']}")
    return {description["name"]: description for description in descriptions if description["error_code"] == 0}


def _read_retention_ms(admin: KafkaAdminClient, names: Sequence[str]) -> Mapping[str, int]:
    """Return the retention of each topic in milliseconds, the broker's default included."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, {_RETENTION: None}) for name in names]
    try:
        configs = admin.describe_configs(resources, config_filter="all")
    except errors.KafkaError as error:
        raise translate_kafka_error(error, "reading the configuration of topics") from error
    return {name: int(config[_RETENTION]["value"]) for name, config in configs["topic"].items() if _RETENTION in config}


def _retention_ms(seconds: float) -> int:
    return FOREVER_MS if seconds < 0 else milliseconds(seconds)


def _format_retention(retention_ms: int) -> str:
    return "for ever" if retention_ms < 0 else f"for {retention_ms / 1000:g} s"
