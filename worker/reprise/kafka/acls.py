"""What Kafka lets this worker do, asked before it begins: else the first event would be the first to be refused.

Brokers without an authorizer allow everything and say so; brokers that do not say are believed.
"""

from collections.abc import Sequence
from typing import Any, Final

from kafka import errors

from reprise.errors import Fatal
from reprise.kafka.clients import close_quietly, open_admin
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.settings.groups import KafkaSettings

#: Kafka's names of the two operations that a worker needs; each brings DESCRIBE along.
_READ: Final = "READ"
_WRITE: Final = "WRITE"


def check_acls(settings: KafkaSettings, *, reads: Sequence[str], writes: Sequence[str]) -> None:
    """Refuse to begin where a topic or the group is not ours to use, naming all that lacks.

    reads, writes  topics; those that do not exist are left out. Raises Unreachable, Fatal.
    """
    admin = open_admin(settings)
    try:
        topics = {topic["name"]: topic for topic in admin.describe_topics([*reads, *writes])}
        wanted = [(name, _READ) for name in reads] + [(name, _WRITE) for name in writes]
        lacking = [f"{operation} on topic {name}" for name, operation in wanted if _lacks(topics[name], operation)]
        if not _may_join(admin, settings.group_id):
            lacking.append(f"{_READ} on group {settings.group_id}")
    except errors.KafkaError as error:
        raise translate_kafka_error(error, "asking for rights") from error
    finally:
        close_quietly(admin.close)
    if lacking:
        missing = ", ".join(lacking)
        raise Fatal(f"Kafka: this worker lacks {missing}; docs/operating/security.md lists the ACLs that it needs")


def _lacks(described: Any, operation: str) -> bool:
    if described["error_code"] == errors.TopicAuthorizationFailedError.errno:
        return True
    allowed = described.get("authorized_operations")
    return described["error_code"] == 0 and bool(allowed) and operation not in allowed


def _may_join(admin: Any, group_id: str) -> bool:
    try:
        group = admin.describe_groups([group_id])[group_id]
    except errors.GroupAuthorizationFailedError:
        return False
    if errors.GroupAuthorizationFailedError.__name__ in (group["error"] or ""):
        return False
    allowed = group.get("authorized_operations")
    return not allowed or _READ in allowed
