"""Check the worker's rights before it starts: without the check, publishing the first event would fail.

A broker without an authorizer reports that everything is allowed. An old broker reports nothing, which passes, too.
"""

from collections.abc import Sequence
from typing import Any, Final

from kafka import errors

from reprise.errors import Fatal
from reprise.kafka.clients import close_quietly, open_admin
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.settings.groups import KafkaSettings

#: Kafka's names of the two operations that a worker needs; each implies DESCRIBE.
_READ: Final = "READ"
_WRITE: Final = "WRITE"


def check_acls(settings: KafkaSettings, *, reads: Sequence[str], writes: Sequence[str]) -> None:
    """Check that the worker may read and write its topics and join its group; the error names every missing right.

    reads, writes  topics; a topic that does not exist is not checked

    Raises Unreachable, Fatal.
    """
    admin = open_admin(settings)
    try:
        topics = {topic["name"]: topic for topic in admin.describe_topics([*reads, *writes])}
        needed = [(name, _READ) for name in reads] + [(name, _WRITE) for name in writes]
        missing = [f"{operation} on topic {name}" for name, operation in needed if _is_denied(topics[name], operation)]
        if not _may_join(admin, settings.group_id):
            missing.append(f"{_READ} on group {settings.group_id}")
    except errors.KafkaError as error:
        raise translate_kafka_error(error, "checking the worker's rights") from error
    finally:
        close_quietly(admin.close)
    if missing:
        raise Fatal(
            f"Kafka: this worker lacks {', '.join(missing)}; docs/operating/security.md lists the ACLs that it needs"
        )


def _is_denied(topic: Any, operation: str) -> bool:
    if topic["error_code"] == errors.TopicAuthorizationFailedError.errno:
        return True
    allowed = topic.get("authorized_operations")
    return topic["error_code"] == 0 and bool(allowed) and operation not in allowed


def _may_join(admin: Any, group_id: str) -> bool:
    try:
        group = admin.describe_groups([group_id])[group_id]
    except errors.GroupAuthorizationFailedError:
        return False
    if errors.GroupAuthorizationFailedError.__name__ in (group["error"] or ""):
        return False
    allowed = group.get("authorized_operations")
    return not allowed or _READ in allowed
