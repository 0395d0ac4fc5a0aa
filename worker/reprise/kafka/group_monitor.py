"""Monitor another consumer group: its number of members, and the offsets that it committed for a topic."""

import time
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition

from reprise.errors import Fatal, RepriseError
from reprise.kafka.client_workarounds import fetch_committed
from reprise.kafka.clients import client_options, close_quietly, connect, open_admin
from reprise.kafka.connection_errors import translate_kafka_error
from reprise.kafka.conversions import milliseconds
from reprise.settings.groups import KafkaSettings
from reprise.warm_up.cutoff import GroupState

#: Seconds for reading the state once. The worker does not poll meanwhile, so this must stay far below the poll
#: interval; a coordinator that moved is found again in one or two seconds.
_READ_SECONDS: Final = 20.0

#: Seconds that closing may take.
_CLOSE_SECONDS: Final = 2.0


class NothingCommittedError(Fatal):
    """The group never read the topic, or was deleted since."""


class GroupMonitor:
    """Reads the state of one group. It does not join the group and commits nothing."""

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
        """Read the number of members, then the committed offsets: once there are no members, no commit can follow.

        Where an offset belongs to an open transaction, the client waits for its end. Raises Unreachable, Fatal,
        NothingCommittedError.
        """
        deadline = time.monotonic() + _READ_SECONDS
        try:
            members = len(self._admin.describe_groups([self._group_id])[self._group_id]["members"])
            partitions = [TopicPartition(self._topic, number) for number in self._partition_numbers()]
            committed = fetch_committed(self._consumer, partitions, deadline - time.monotonic())
        except RepriseError:
            raise
        except Exception as error:
            raise translate_kafka_error(error, f"reading the state of group {self._group_id}") from error
        offsets = {partition.partition: committed[partition].offset for partition in sorted(committed)}
        if not offsets:
            raise NothingCommittedError(f"the group {self._group_id} has committed nothing of {self._topic}")
        return GroupState(members=members, offsets=offsets)

    def close(self) -> None:
        """Close the connections."""
        close_quietly(self._admin.close)
        self._close_consumer()

    def _partition_numbers(self) -> list[int]:
        return sorted(self._consumer.partitions_for_topic(self._topic) or ())

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
