"""Another consumer group as it stands, looked at from outside: its members, and what it has committed of a topic."""

import time
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

from reprise.errors import Fatal, RepriseError
from reprise.kafka.clients import (
    client_options,
    close_quietly,
    connect,
    milliseconds,
    open_admin,
)
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.settings.groups import KafkaSettings
from reprise.warm_up.cutoff import GroupState

#: Seconds for one look: a coordinator that moved is found again in one or two, and polls must go on completing.
_LOOK_SECONDS: Final = 20.0

#: Seconds that closing may take.
_CLOSE_SECONDS: Final = 2.0


class NothingCommittedError(Fatal):
    """The group never read the topic, or was removed since."""


class GroupMonitor:
    """Looks at one group. It joins nothing and commits nothing."""

    def __init__(self, settings: KafkaSettings, group_id: str, topic: str) -> None:
        """Connect. Raises Unreachable, Fatal."""
        self._group_id = group_id
        self._topic = topic
        self._consumer: Any = connect(lambda: KafkaConsumer(**_options(settings, group_id)), settings)
        try:
            self._admin = open_admin(settings)
        except BaseException:
            self._close_consumer()
            raise

    def read_state(self) -> GroupState:
        """Ask for the members, then for the commits: without members no commit can follow.

        Of an offset whose transaction is under way the client waits for the end. Raises Unreachable, Fatal,
        NothingCommittedError.
        """
        until = time.monotonic() + _LOOK_SECONDS
        try:
            members = len(self._admin.describe_groups([self._group_id])[self._group_id]["members"])
            found = {number: self._committed(number, until) for number in self._partitions()}
        except RepriseError:
            raise
        except Exception as error:
            raise translate_kafka_error(error, f"asking for the group {self._group_id}") from error
        offsets = {number: offset for number, offset in found.items() if offset is not None}
        if not offsets:
            raise NothingCommittedError(f"the group {self._group_id} has committed nothing of {self._topic}")
        return GroupState(members=members, offsets=offsets)

    def close(self) -> None:
        """Free the connections."""
        close_quietly(self._admin.close)
        self._close_consumer()

    def _partitions(self) -> list[int]:
        return sorted(self._consumer.partitions_for_topic(self._topic) or ())

    def _committed(self, number: int, until: float) -> int | None:
        left_ms = milliseconds(until - time.monotonic())
        committed: int | None = self._consumer.committed(TopicPartition(self._topic, number), timeout_ms=left_ms)
        return committed

    def _close_consumer(self) -> None:
        consumer = self._consumer
        close_quietly(lambda: consumer.close(autocommit=False, timeout_ms=milliseconds(_CLOSE_SECONDS)))


def _options(settings: KafkaSettings, group_id: str) -> dict[str, Any]:
    return client_options(settings) | {
        "group_id": group_id,
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "allow_auto_create_topics": False,
        "metrics_enabled": False,
    }
