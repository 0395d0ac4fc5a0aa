"""Batches that are built to take memory and time: small in the log, gigabytes after decompression."""

import json
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from kafka import KafkaProducer

from deploy.local.stack import wait_until
from tests.e2e.sandbox import Sandbox, open_sandbox
from tests.e2e.worker_state import http_get, scrape, wait_ready
from tests.support import WorkerProcess, running_worker

#: Bounds of the worker's memory in MiB: the peak of resident memory, as docs/operating/limits.md promises it, and the
#: private memory that the kernel grants. The latter includes arenas and stacks that are reserved and never touched.
PEAK_MIB: Final = 400
PRIVATE_MIB: Final = 1_000

#: Bytes of a message: just below the default limit of 4 MiB.
PAGE_BYTES: Final = 4_100_000

#: Seconds for the worker to process all messages on a busy machine.
DELIVERY_SECONDS: Final = 300.0

#: Seconds from SIGTERM to the end of the worker: one page, one delivery, and the end of the process.
STOP_SECONDS: Final = 15.0

#: Timeouts that are scaled down: thirty pages take longer than the poll interval.
SETTINGS: Final = {
    "KAFKA_SESSION_TIMEOUT_SECONDS": "6",
    "KAFKA_MAX_POLL_INTERVAL_SECONDS": "10",
    "LIVENESS_TIMEOUT_SECONDS": "10",
    "REDIS_TIMEOUT_SECONDS": "1",
    "FLUSH_TIMEOUT_SECONDS": "5",
    "DRAIN_TIMEOUT_SECONDS": "12",
    "CIRCUIT_IN_A_ROW": "1000000",
    "CIRCUIT_SHARE": "1",
}

SENTENCE: Final = "The ferry returned to service on Monday after a refit that took eleven weeks, officials said. "


def _filled(unit: str, size: int = PAGE_BYTES) -> str:
    return unit * (size // len(unit.encode()))


#: Hostile values by name; a number makes each message of a kind differ.
KINDS: Final[dict[str, Callable[[int], dict[str, str]]]] = {
    "gaps between tags": lambda number: {"html": f"<p>{number}" + _filled("<b> ", PAGE_BYTES // 4)},
    "paragraphs": lambda number: {"html": f"<p>{number}" + _filled(f"<p>{SENTENCE}")},
    "tables in blocks": lambda number: {"html": f"<p>{number}" + "<div><table><tr><td>" * 2_999 + SENTENCE},
    "reopened formatting": lambda number: {
        "html": f"<p>{number}" + "".join(f"<b id={one}>" for one in range(490)) + "<p>x" * 490
    },
    "a long text of four-byte characters": lambda number: {
        "text": f"{number} " + _filled("\U00020000\U00020001 ", 1_900_000)
    },
    "a page of four-byte characters": lambda number: {"html": f"<p>{number}" + _filled("\U00020000" * 40 + "<p>")},
    "nested arrays": lambda number: {"text": f"{number} {SENTENCE * 5}", "more": "ARRAYS"},
}


def hostile_messages(count: int) -> Sequence[bytes]:
    """Return messages of all kinds in turn."""
    kinds = list(KINDS.values())
    messages = []
    for number in range(count):
        value = json.dumps({"id": f"hostile-{number}", **kinds[number % len(kinds)](number)}, ensure_ascii=False)
        messages.append(value.replace('"ARRAYS"', "[" + "[]," * (PAGE_BYTES // 3) + "[]]").encode())
    return messages


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url) as sandbox:
        yield sandbox


def produce(sandbox: Sandbox, messages: Sequence[bytes]) -> None:
    """Produce each message in a batch of its own, of some kilobytes of gzip, so that one fetch returns all of them."""
    producer = KafkaProducer(
        bootstrap_servers=sandbox.kafka, compression_type="gzip", batch_size=1, max_request_size=8_000_000
    )
    try:
        for start in range(0, len(messages), 10):
            futures = [
                producer.send(sandbox.topics.articles, value=message, partition=0)
                for message in messages[start : start + 10]
            ]
            producer.flush(timeout=60)
            for future in futures:
                future.get(timeout=60)
    finally:
        producer.close()


def peak_mib(worker: WorkerProcess) -> float:
    """Return the largest resident memory of the worker so far."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def outcomes(sandbox: Sandbox) -> int:
    """Return the number of events and dead letters."""
    return sandbox.event_count() + sum(sandbox.end_offsets(sandbox.topics.dead).values())


def test_a_hostile_batch_is_processed_in_bounded_memory_and_time(
    sandbox: Sandbox, tmp_path: Path, is_long: bool
) -> None:
    """Each message has an outcome. Liveness holds, the group does not rebalance, memory stays within its bound."""
    messages = hostile_messages(240 if is_long else 42)
    produce(sandbox, messages)
    with running_worker(sandbox.settings(**SETTINGS), tmp_path / "worker.log") as worker:
        resource.prlimit(worker.pid, resource.RLIMIT_DATA, (PRIVATE_MIB << 20, PRIVATE_MIB << 20))
        wait_ready(worker)

        def is_delivered() -> bool:
            assert worker.process.poll() is None, worker.tail()
            live = http_get(worker, "/livez")
            assert live.status == 200, f"{live.body}\n{worker.tail()}"
            return sandbox.committed().get(0, 0) == len(messages)

        wait_until(is_delivered, DELIVERY_SECONDS, "the end of the hostile messages")
        peak = peak_mib(worker)
        rebalances = scrape(worker).total("reprise_rebalances_total")
        assert worker.stop() == 0, worker.tail()
    assert outcomes(sandbox) == len(messages)
    assert peak <= PEAK_MIB, f"peak {peak:.0f} MiB"
    assert rebalances == 1
    assert "MemoryError" not in worker.output()
    print(f"peak {peak:.0f} MiB for {sum(map(len, messages)) >> 20} MiB of messages")  # noqa: T201


def test_a_worker_stops_during_a_hostile_batch(sandbox: Sandbox, tmp_path: Path) -> None:
    """SIGTERM is seen between two messages; the next worker reads the others."""
    messages = hostile_messages(42)
    produce(sandbox, messages)
    with running_worker(sandbox.settings(**SETTINGS), tmp_path / "first.log") as worker:
        wait_ready(worker)
        wait_until(lambda: sandbox.committed().get(0, 0) > 0, DELIVERY_SECONDS, "a commit")
        start = time.monotonic()
        assert worker.stop() == 0, worker.tail()
        seconds = time.monotonic() - start
    committed = sandbox.committed()[0]
    assert seconds < STOP_SECONDS
    assert 0 < committed < len(messages)
    assert outcomes(sandbox) == committed
    with running_worker(sandbox.settings(**SETTINGS), tmp_path / "second.log") as worker:
        wait_until(lambda: sandbox.committed().get(0, 0) == len(messages), DELIVERY_SECONDS, "the other messages")
        assert worker.stop() == 0, worker.tail()
    assert outcomes(sandbox) == len(messages)
