"""Faults of Redis under load: kills, lost data, refused writes, stalls, cut connections, lost responses."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
import redis

from deploy.local.stack import free_port, wait_until
from tests.faults.breakable_servers import BreakableRedis
from tests.faults.checker import Guarantees
from tests.faults.proxy import Proxy
from tests.faults.scenario import Scenario, ScenarioOpener
from tests.faults.worker_pool import READY_SECONDS, wait_ready, wait_unready

#: Reason in the response of /readyz while Redis is away.
AWAY = "redis "  # a readiness failure of Redis, of any kind

#: Maximum seconds until commits continue after an outage: twice the documented bound, as the machine may be busy.
RESUME_SECONDS = 10.0

#: Maximum number of articles between two faults.
MAX_BETWEEN = 100

#: Seconds of a stall.
STALL_SECONDS = 5.0

#: Bytes of a batch for Redis. One article has about 1,500.
BATCH_BYTES = 30_000


@contextmanager
def proxied(server: BreakableRedis) -> Iterator[Proxy]:
    proxy = Proxy(target=server.port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


def proxy_url(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"


def repeat_outage(run: Scenario, times: int, begin: Callable[[], None], end: Callable[[], None]) -> None:
    """Begin and end an outage several times. The worker is unready meanwhile and continues afterwards."""
    worker = run.pool.workers[0]
    for _ in range(times):
        run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
        begin()
        wait_unready(worker, AWAY)
        run.check_commits()
        end()
        run.wait_recovered(RESUME_SECONDS)
        wait_ready(worker)


@pytest.mark.transactional
def test_redis_is_killed_and_keeps_its_data(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool
) -> None:
    """Redis has its acknowledged writes on disk, so replayed articles get the same decisions after its restart."""
    with scenario(kafka=kafka, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()
        repeat_outage(run, 20 if is_long else 2, redis_server.kill, redis_server.start)
        run.finish()


def test_redis_is_killed_and_loses_its_data(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool
) -> None:
    """A story may be announced again with another id. No article is lost, and each variant has an announced story."""
    with scenario(kafka=kafka, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()
        times = 20 if is_long else 2
        repeat_outage(run, times, lambda: redis_server.kill(with_data=True), redis_server.start)
        run.finish(Guarantees(allow_copies=run.delivery != "transactional", is_index_lost=True))


def test_scripts_are_flushed(scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool) -> None:
    """The worker loads the scripts again after SCRIPT FLUSH, without an effect on the events."""
    with scenario(kafka=kafka, redis_url=redis_server.url) as run, redis_server.client() as client:
        run.create_topics()
        run.start()
        for _ in range(100 if is_long else 10):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN // 2))
            client.script_flush()
            run.wait_recovered(RESUME_SECONDS)
        run.finish()


#: Reason to refuse writes -> the commands that begin and end it.
REFUSALS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "out of memory": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "read-only replica": (("REPLICAOF", "127.0.0.1", str(free_port())), ("REPLICAOF", "NO", "ONE")),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_redis_refuses_writes(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool, refusal: str
) -> None:
    """While Redis responds and refuses writes, the worker waits as in an outage."""
    begin, end = REFUSALS[refusal]
    with scenario(kafka=kafka, redis_url=redis_server.url) as run, redis_server.client() as client:
        run.create_topics()
        run.start()
        times = 10 if is_long else 1
        repeat_outage(run, times, lambda: client.execute_command(*begin), lambda: client.execute_command(*end))
        run.finish()


def test_redis_stalls(scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool) -> None:
    """Redis neither responds nor refuses connections for longer than the timeout of a call."""
    with scenario(kafka=kafka, redis_url=redis_server.url) as run:
        run.create_topics()
        run.start()

        def stall() -> None:
            redis_server.freeze()
            end = time.monotonic() + STALL_SECONDS
            wait_until(lambda: time.monotonic() >= end, 2 * STALL_SECONDS, "the end of the stall")

        repeat_outage(run, 10 if is_long else 1, stall, redis_server.resume)
        run.finish()


def test_connections_are_cut_during_scripts(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool
) -> None:
    """Redis receives a part of a batch, decides its first articles, and decides them again later."""
    with proxied(redis_server) as proxy, scenario(kafka=kafka, redis_url=proxy_url(proxy)) as run:
        run.create_topics()
        run.start()
        for number in range(200 if is_long else 20):
            proxy.cut_after(run.rng.randint(1, BATCH_BYTES))
            wait_until(lambda number=number: proxy.cuts > number, READY_SECONDS, "a cut")  # type: ignore[misc]
            run.wait_recovered(RESUME_SECONDS)
        counts = run.finish()
    assert counts.copies == 0, "an article was published before its decision"


def test_responses_of_scripts_are_lost(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool
) -> None:
    """A script runs again if its response is lost. Each article has one decision nevertheless."""
    with proxied(redis_server) as proxy, scenario(kafka=kafka, redis_url=proxy_url(proxy)) as run:
        run.create_topics()
        run.start()
        for _ in range(20 if is_long else 3):
            run.wait_committed(run.rng.randint(1, MAX_BETWEEN))
            dropped = proxy.dropped_bytes
            proxy.drops_responses = True
            wait_until(lambda before=dropped: proxy.dropped_bytes > before, READY_SECONDS, "a lost response")  # type: ignore[misc]
            wait_unready(run.pool.workers[0], AWAY)
            proxy.drops_responses = False
            run.wait_recovered(RESUME_SECONDS)
        counts = run.finish()
        with redis_server.client() as client:
            calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls > counts.articles, "no script ran twice"
    assert counts.copies == 0


def test_a_wrong_password_ends_the_worker(scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis) -> None:
    """Exit code 1 and a line with the server and without the password. A worker with the right one continues."""
    with redis_server.client() as client:
        client.config_set("requirepass", "right")
    with scenario(kafka=kafka, redis_url=redis_server.url) as run:
        run.create_topics()
        run.load.start()
        worker = run.pool.start(REDIS_PASSWORD="not-the-one")
        assert run.pool.wait_ended(worker) == 1
        last = worker.output().splitlines()[-1]
        assert f"redis at 127.0.0.1:{redis_server.port} refuses this worker" in last
        assert "not-the-one" not in worker.output()
        assert not run.recorder.committed()
        wait_ready(run.pool.start(REDIS_PASSWORD="right"))
        run.wait_recovered()
        run.finish()


def test_the_password_is_changed(
    scenario: ScenarioOpener, kafka: str, redis_server: BreakableRedis, is_long: bool
) -> None:
    """A worker with the old password waits until it is valid again. A worker with the new password takes over."""
    with redis_server.client() as client:
        client.config_set("requirepass", "old")
    old = redis.Redis.from_url(redis_server.url, password="old")
    new = redis.Redis.from_url(redis_server.url, password="new")

    def change(client: redis.Redis, password: str) -> None:
        client.config_set("requirepass", password)
        client.client_kill_filter(_type="normal", skipme=True)

    settings = {"REPRISE_REDIS_PASSWORD": "old", "REPRISE_DRAIN_TIMEOUT_SECONDS": "7"}
    with old, new, scenario(kafka=kafka, redis_url=redis_server.url, settings=settings) as run:
        run.create_topics()
        run.start()
        worker = run.pool.workers[0]
        repeat_outage(run, 5 if is_long else 1, lambda: change(old, "new"), lambda: change(new, "old"))
        run.wait_committed(1)
        change(old, "new")
        wait_unready(worker, AWAY)
        worker.process.terminate()
        assert run.pool.wait_ended(worker) == 1
        assert "batch undelivered" in worker.output().splitlines()[-1]
        run.check_commits()
        run.pool.start(REDIS_PASSWORD="new")
        run.wait_recovered()
        run.finish()
