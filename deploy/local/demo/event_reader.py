"""Read the worker's output: events and dead letters from topics, or events from a growing file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
from kafka import KafkaConsumer, TopicPartition

from deploy.local.demo.counters import OutcomeCounters
from reprise.messages.dead_letters import DETAIL, REASON

#: milliseconds to close the consumer; it has no state to save
_CLOSE_MS: Final = 2_000


class EventReader(Protocol):
    """A source of events and dead letters."""

    def read(self, counters: OutcomeCounters, timeout_seconds: float) -> None:
        """Count the new events and dead letters. Waits up to `timeout_seconds` for the first one."""


class TopicEventReader:
    """Reads the output topics from their beginning, without a consumer group."""

    def __init__(
        self, bootstrap_servers: str, *, articles_topic: str, event_topics: tuple[str, ...], dead_topic: str
    ) -> None:
        self._dead_topic = dead_topic
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap_servers.split(","), group_id=None, auto_offset_reset="earliest"
        )
        self._input_partitions = self._partitions(articles_topic)
        topics = (*event_topics, dead_topic)
        self._consumer.assign([partition for topic in topics for partition in self._partitions(topic)])

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()]

    def read(self, counters: OutcomeCounters, timeout_seconds: float) -> None:
        """Count the new records of the output topics, and the records of the input topic."""
        batches = self._consumer.poll(timeout_ms=round(timeout_seconds * 1000), max_records=2_000)
        for partition, records in batches.items():
            for record in records:
                if partition.topic == self._dead_topic:
                    headers = {name: value.decode() for name, value in record.headers if name in {REASON, DETAIL}}
                    counters.add_dead_letter(headers[REASON], headers[DETAIL])
                else:
                    counters.add_event(orjson.loads(record.value))
        counters.articles_in = sum(self._consumer.end_offsets(self._input_partitions).values())

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close(timeout_ms=_CLOSE_MS)


class FileEventReader:
    """Reads a growing file of events, one per line. Such a file has no dead letters."""

    def __init__(self, path: Path, articles: int) -> None:
        self._path = path
        self._articles = articles
        self._position = 0

    def read(self, counters: OutcomeCounters, timeout_seconds: float) -> None:
        """Count the new complete lines."""
        counters.articles_in = self._articles
        lines = self._read_new_lines()
        if len(lines) == 1:
            time.sleep(timeout_seconds)
            lines = self._read_new_lines()
        for line in lines[:-1]:  # the last item is empty or an incomplete line
            event: Mapping[str, Any] = orjson.loads(line)
            counters.add_event(event)
            self._position += len(line) + 1

    def _read_new_lines(self) -> list[bytes]:
        if not self._path.is_file():
            return [b""]
        with self._path.open("rb") as file:
            file.seek(self._position)
            return file.read().split(b"\n")
