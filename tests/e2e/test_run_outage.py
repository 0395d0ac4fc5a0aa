"""A worker during and after an outage of Redis."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local.stack import free_port, run_child, wait_until
from deploy.local.stack.health_checks import redis_version
from deploy.local.stack.redis_local import server_binary
from tests.e2e.articles import synthetic_messages
from tests.e2e.sandbox import open_sandbox, single_events
from tests.e2e.worker_state import WorkerResponse, http_get, scrape, wait_delivered, wait_ready
from tests.support import WorkerProcess, running_worker, unavailable

#: Seconds until a server has started, and until a worker has noticed its end or its start.
NOTICE_SECONDS = 30.0

#: Seconds without a heartbeat and without a poll after which a member is removed. The broker's minimum is 6.
SESSION_SECONDS, POLL_INTERVAL_SECONDS = 6, 7

#: Number of messages: some seconds of work, so that the outage is in the middle.
LOAD = 600

#: Short timeouts. The outage is longer than each of them.
SETTINGS = {
    "KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
    "KAFKA_MAX_POLL_INTERVAL_SECONDS": str(POLL_INTERVAL_SECONDS),
    "REDIS_TIMEOUT_SECONDS": "0.5",
    "FLUSH_TIMEOUT_SECONDS": "5",
    "DRAIN_TIMEOUT_SECONDS": "10",
    "BATCH_MAX_ARTICLES": "20",
}


@contextmanager
def redis_on(port: int, directory: Path) -> Iterator[None]:
    """Run a server that writes to disk before it acknowledges, so that the next one in this directory has all data."""
    binary = server_binary()
    if binary is None:
        unavailable("stack", "no Redis server on this machine to stop and start again")
    persistence = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"]
    arguments: list[str | Path] = [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", directory]
    arguments += persistence
    with run_child(arguments, directory / "redis.log"):
        wait_until(lambda: redis_version(f"redis://127.0.0.1:{port}/0"), NOTICE_SECONDS, "a response of Redis")
        yield


def wait_unready_and_alive(worker: WorkerProcess) -> None:
    """Wait for longer than the poll interval of the group. The worker must be unready and alive."""
    wait_until(lambda: http_get(worker, "/readyz").status == 503, NOTICE_SECONDS, "an unready worker")
    end = time.monotonic() + POLL_INTERVAL_SECONDS + 1

    def is_over() -> bool:
        assert http_get(worker, "/readyz") == WorkerResponse(status=503, body="redis does not answer\n")
        assert http_get(worker, "/livez").status == 200
        return time.monotonic() >= end

    wait_until(is_over, POLL_INTERVAL_SECONDS + NOTICE_SECONDS, "the end of the outage")


def test_a_worker_stays_in_its_group_during_an_outage_of_redis(kafka_bootstrap_servers: str, tmp_path: Path) -> None:
    """During the outage the worker is alive, not ready, and still a member. Afterwards it continues without a loss."""
    port = free_port()
    sent = synthetic_messages(LOAD)
    with open_sandbox(kafka_bootstrap_servers, f"redis://127.0.0.1:{port}/0") as sandbox, ExitStack() as running:
        first_server = running.enter_context(ExitStack())
        first_server.enter_context(redis_on(port, tmp_path))
        worker = running.enter_context(running_worker(sandbox.settings(**SETTINGS), tmp_path / "worker.log"))
        wait_ready(worker)
        wait_until(lambda: [*sandbox.members().values()] == [[0]], NOTICE_SECONDS, "the partition")
        members = sandbox.members()
        sandbox.produce(sent)
        wait_until(sandbox.committed, NOTICE_SECONDS, "the first commit")
        first_server.close()
        wait_unready_and_alive(worker)
        assert 0 < sandbox.committed()[0] < LOAD, "Redis did not go away in the middle"
        assert sandbox.members() == members

        running.enter_context(redis_on(port, tmp_path))
        wait_ready(worker)
        wait_delivered(sandbox, worker)
        assert sandbox.members() == members
        assert scrape(worker).total("reprise_rebalances_total") == 1
        events = single_events(sent, sandbox.events())
    announced = Counter(event.body["story_id"] for event in events if event.body["type"] == "story.new")
    assert announced == Counter({event.body["story_id"] for event in events})
