"""What comes out: the events and dead letters, from the topics or from a file that grows."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import orjson
from kafka import KafkaConsumer, TopicPartition

from deploy.local.demo.counters import OutcomeCounters
from reprise.messages.dead_letters import DETAIL, REASON

#: Milliseconds that closing may take: nothing of the listener's is to be kept.
_CLOSE_MS: Final = 2_000


class EventReader(Protocol):
    """Where outcomes come from."""

    def listen(self, tally: OutcomeCounters, timeout_seconds: float) -> None:
        """Count what has come, waiting so long for something."""


class TopicEventReader:
    """Reads the output topics from their beginning, outside of any group, as raw bytes."""

    def __init__(self, bootstrap_servers: str, *, articles: str, events: tuple[str, ...], dead: str) -> None:
        self._dead = dead
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap_servers.split(","), group_id=None, auto_offset_reset="earliest"
        )
        self._inputs = self._partitions(articles)
        self._consumer.assign([each for topic in (*events, dead) for each in self._partitions(topic)])

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in self._consumer.partitions_for_topic(topic) or ()]

    def listen(self, tally: OutcomeCounters, timeout_seconds: float) -> None:
        """See Listener."""
        batches = self._consumer.poll(timeout_ms=round(timeout_seconds * 1000), max_records=2_000)
        for partition, records in batches.items():
            for record in records:
                if partition.topic == self._dead:
                    headers = {name: value.decode() for name, value in record.headers if name in {REASON, DETAIL}}
                    tally.add_dead(headers[REASON], headers[DETAIL])
                else:
                    tally.add_event(orjson.loads(record.value))
        tally.articles_in = sum(self._consumer.end_offsets(self._inputs).values())

    def close(self) -> None:
        """Free the connections."""
        self._consumer.close(timeout_ms=_CLOSE_MS)


class FileEventReader:
    """Reads a file of events, one a line, while it grows; of dead letters it knows nothing."""

    def __init__(self, path: Path, articles: int) -> None:
        self._path = path
        self._articles = articles
        self._position = 0

    def listen(self, tally: OutcomeCounters, timeout_seconds: float) -> None:
        """See Listener."""
        tally.articles_in = self._articles
        lines = self._fresh()
        if len(lines) == 1:
            time.sleep(timeout_seconds)
            lines = self._fresh()
        for line in lines[:-1]:  # behind the last line's end is nothing, or a line that is not whole yet
            event: Mapping[str, Any] = orjson.loads(line)
            tally.add_event(event)
            self._position += len(line) + 1

    def _fresh(self) -> list[bytes]:
        if not self._path.is_file():
            return [b""]
        with self._path.open("rb") as file:
            file.seek(self._position)
            return file.read().split(b"\n")
