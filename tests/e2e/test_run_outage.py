"""A worker whose Redis goes away and comes back."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from deploy.local.stack import free_port, run_child, wait_until
from deploy.local.stack.health_checks import redis_version
from deploy.local.stack.redis_local import server_binary
from tests.e2e.support_e2e import (
    Answered,
    load_messages,
    one_each,
    open_place,
    probe,
    samples,
    wait_delivered,
    wait_ready,
)
from tests.support import WorkerProcess, running_worker, unavailable

#: Seconds for a server to be up, and for a worker to see that it is gone or back.
SEEN_SECONDS = 30.0

#: Seconds after which the group gives up a member that is silent, and one that does not poll. 6 is the broker's least.
SESSION_SECONDS, POLL_INTERVAL_SECONDS = 6, 7

#: Messages: some seconds of work, so that there is a middle.
LOAD = 600

#: Short waits, so that the outage outlasts them all.
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
    """Run a server that keeps on disk what it acknowledges: the next one on this directory has it all."""
    binary = server_binary()
    if binary is None:
        unavailable("stack", "no Redis server on this machine to stop and start again")
    kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction"]
    arguments: list[str | Path] = [binary, "--bind", "127.0.0.1", "--port", str(port), "--dir", directory, *kept]
    with run_child(arguments, directory / "redis.log"):
        wait_until(lambda: redis_version(f"redis://127.0.0.1:{port}/0"), SEEN_SECONDS, "an answer of Redis")
        yield


def wait_out(worker: WorkerProcess) -> None:
    """Return when Redis has been away for longer than the group's patience; the worker must be alive all the while."""
    wait_until(lambda: probe(worker, "/readyz").status == 503, SEEN_SECONDS, "an unready worker")
    until = time.monotonic() + POLL_INTERVAL_SECONDS + 1

    def over() -> bool:
        assert probe(worker, "/readyz") == Answered(status=503, body="redis does not answer\n")
        assert probe(worker, "/livez").status == 200
        return time.monotonic() >= until

    wait_until(over, POLL_INTERVAL_SECONDS + SEEN_SECONDS, "the end of the outage")


def test_without_redis_a_worker_waits_in_its_group_and_goes_on_by_itself(
    kafka_bootstrap_servers: str, tmp_path: Path
) -> None:
    """Away for longer than any patience of the group: alive, not ready, still a member; then nothing is lost."""
    port = free_port()
    sent = load_messages(LOAD)
    with open_place(kafka_bootstrap_servers, f"redis://127.0.0.1:{port}/0") as place, ExitStack() as running:
        place.create_topics()
        first_server = running.enter_context(ExitStack())
        first_server.enter_context(redis_on(port, tmp_path))
        worker = running.enter_context(running_worker(place.settings(**SETTINGS), tmp_path / "worker.log"))
        wait_ready(worker)
        wait_until(lambda: [*place.members().values()] == [[0]], SEEN_SECONDS, "the partition")
        members = place.members()
        place.send(sent)
        wait_until(place.committed, SEEN_SECONDS, "the first commit")
        first_server.close()
        wait_out(worker)
        assert 0 < place.committed()[0] < LOAD, "Redis did not go away in the middle"
        assert place.members() == members

        running.enter_context(redis_on(port, tmp_path))
        wait_ready(worker)
        wait_delivered(place, worker)
        assert place.members() == members
        assert samples(worker).total("reprise_rebalances_total") == 1
        events = one_each(sent, place.events())
    announced = Counter(event.body["story_id"] for event in events if event.body["type"] == "story.new")
    assert announced == Counter({event.body["story_id"] for event in events})
