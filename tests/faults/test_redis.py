"""A Redis that dies, forgets, refuses, freezes or loses what it was answering, with a load running."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
import redis

from deploy.local.stack import free_port, wait_until
from tests.faults.checker import Promise
from tests.faults.proxy import Proxy
from tests.faults.scenario import OpenScene, Scene
from tests.faults.servers import RedisServer
from tests.faults.workers import READY_SECONDS, wait_ready, wait_unready

#: What /readyz says while Redis is away.
AWAY = "redis does not answer"

#: Seconds within which a worker must go on after Redis is back: twice the promise, on a machine that others use too.
RESUME_SECONDS = 10.0

#: Articles between two faults, at most.
BETWEEN = 100

#: Seconds of a stall.
STALL_SECONDS = 5.0

#: Bytes of a batch on its way to Redis: one article's are some 1,500.
BATCH_BYTES = 30_000


@contextmanager
def proxied(server: RedisServer) -> Iterator[Proxy]:
    proxy = Proxy(target=server.port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


def url_of(proxy: Proxy) -> str:
    return f"redis://127.0.0.1:{proxy.port}/0"


def outages(at: Scene, times: int, away: Callable[[], None], back: Callable[[], None]) -> None:
    """Take Redis away and bring it back so many times; the worker says so, waits, and goes on by itself."""
    worker = at.crew.members[0]
    for _ in range(times):
        at.advance(at.dice.randint(1, BETWEEN))
        away()
        wait_unready(worker, AWAY)
        at.glance()
        back()
        at.recovered(RESUME_SECONDS)
        wait_ready(worker)


@pytest.mark.transactional
def test_redis_is_killed_and_keeps_its_data(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool
) -> None:
    """SIGKILL; what it acknowledged is on its disk: after the restart every replayed article has its decision."""
    with scene(kafka=kafka, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()
        outages(at, 20 if long_form else 2, redis_server.kill, redis_server.start)
        at.finish()


def test_redis_is_killed_and_loses_its_data(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool
) -> None:
    """A story may be announced again under another id; no article is lost, and no variant is without a story."""
    with scene(kafka=kafka, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()
        times = 20 if long_form else 2
        outages(at, times, lambda: redis_server.kill(with_data=True), redis_server.start)
        at.finish(Promise(copies=at.delivery != "transactional", store_lost=True))


def test_scripts_are_flushed(scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool) -> None:
    """SCRIPT FLUSH in the middle: the scripts are loaded again, and nobody notices."""
    with scene(kafka=kafka, redis_url=redis_server.url) as at, redis_server.client() as client:
        at.create_topics()
        at.begin()
        for _ in range(100 if long_form else 10):
            at.advance(at.dice.randint(1, BETWEEN // 2))
            client.script_flush()
            at.recovered(RESUME_SECONDS)
        at.finish()


#: From a refusal of writes to the commands that begin and end it.
REFUSALS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "out of memory": (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0")),
    "read-only replica": (("REPLICAOF", "127.0.0.1", str(free_port())), ("REPLICAOF", "NO", "ONE")),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_redis_refuses_writes(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool, refusal: str
) -> None:
    """It answers, and takes nothing: the worker waits as if it were away."""
    begin, end = REFUSALS[refusal]
    with scene(kafka=kafka, redis_url=redis_server.url) as at, redis_server.client() as client:
        at.create_topics()
        at.begin()
        times = 10 if long_form else 1
        outages(at, times, lambda: client.execute_command(*begin), lambda: client.execute_command(*end))
        at.finish()


def test_redis_stalls(scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool) -> None:
    """Five seconds without an answer and without a refusal, longer than any call may take."""
    with scene(kafka=kafka, redis_url=redis_server.url) as at:
        at.create_topics()
        at.begin()

        def stall() -> None:
            redis_server.hold()
            until = time.monotonic() + STALL_SECONDS
            wait_until(lambda: time.monotonic() >= until, 2 * STALL_SECONDS, "the end of the stall")

        outages(at, 10 if long_form else 1, stall, redis_server.let_go)
        at.finish()


def test_connections_are_cut_in_mid_script(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool
) -> None:
    """A batch arrives in part, at whatever byte: its first articles are decided, and decided again."""
    with proxied(redis_server) as proxy, scene(kafka=kafka, redis_url=url_of(proxy)) as at:
        at.create_topics()
        at.begin()
        for number in range(200 if long_form else 20):
            proxy.cut_after(at.dice.randint(1, BATCH_BYTES))
            wait_until(lambda number=number: proxy.cuts > number, READY_SECONDS, "a cut")  # type: ignore[misc]
            at.recovered(RESUME_SECONDS)
        verdict = at.finish()
    assert verdict.doubled == 0, "nothing had been sent when the connection was cut"


def test_answers_of_scripts_are_lost(scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool) -> None:
    """Scripts run, and run again since nobody heard of it: each article has one decision all the same."""
    with proxied(redis_server) as proxy, scene(kafka=kafka, redis_url=url_of(proxy)) as at:
        at.create_topics()
        at.begin()
        for _ in range(20 if long_form else 3):
            at.advance(at.dice.randint(1, BETWEEN))
            swallowed = proxy.swallowed
            proxy.swallowing = True
            wait_until(lambda before=swallowed: proxy.swallowed > before, READY_SECONDS, "a lost answer")  # type: ignore[misc]
            wait_unready(at.crew.members[0], AWAY)
            proxy.swallowing = False
            at.recovered(RESUME_SECONDS)
        verdict = at.finish()
        with redis_server.client() as client:
            calls = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    assert calls > verdict.articles, "no script ran twice"
    assert verdict.doubled == 0


def test_the_password_is_wrong_at_the_start(scene: OpenScene, kafka: str, redis_server: RedisServer) -> None:
    """Exit code 1 and a line that says who refuses, without the password; the right one delivers what has piled up."""
    with redis_server.client() as client:
        client.config_set("requirepass", "right")
    with scene(kafka=kafka, redis_url=redis_server.url) as at:
        at.create_topics()
        at.load.start()
        worker = at.crew.start(REDIS_PASSWORD="not-the-one")
        assert at.crew.ended(worker) == 1
        last = worker.output().splitlines()[-1]
        assert f"redis at 127.0.0.1:{redis_server.port} refuses this worker" in last
        assert "not-the-one" not in worker.output()
        assert not at.tape.committed()
        wait_ready(at.crew.start(REDIS_PASSWORD="right"))
        at.recovered()
        at.finish()


def test_the_password_is_changed_meanwhile(
    scene: OpenScene, kafka: str, redis_server: RedisServer, long_form: bool
) -> None:
    """The worker with the old one waits, and goes on when it is allowed again; one with the new one takes over."""
    with redis_server.client() as client:
        client.config_set("requirepass", "old")
    old = redis.Redis.from_url(redis_server.url, password="old")
    new = redis.Redis.from_url(redis_server.url, password="new")

    def change(by: redis.Redis, password: str) -> None:
        by.config_set("requirepass", password)
        by.client_kill_filter(_type="normal", skipme=True)

    settings = {"REPRISE_REDIS_PASSWORD": "old", "REPRISE_DRAIN_TIMEOUT_SECONDS": "7"}
    with old, new, scene(kafka=kafka, redis_url=redis_server.url, settings=settings) as at:
        at.create_topics()
        at.begin()
        worker = at.crew.members[0]
        outages(at, 5 if long_form else 1, lambda: change(old, "new"), lambda: change(new, "old"))
        at.advance(1)
        change(old, "new")
        wait_unready(worker, AWAY)
        worker.process.terminate()
        assert at.crew.ended(worker) == 1
        assert "batch undelivered" in worker.output().splitlines()[-1]
        at.glance()
        at.crew.start(REDIS_PASSWORD="new")
        at.recovered()
        at.finish()
