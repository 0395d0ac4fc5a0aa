"""What keeps a worker from starting is told in a line, with the exit code that says whose mistake it is."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy.local.stack.redis_local import local_redis
from deploy.local.stack.types import StackKind, StackUnavailable
from reprise.dedup.decision import Rule
from tests.e2e.support_e2e import READY_SECONDS, Place, open_place, probe, wait_ready
from tests.support import reprise_command, running_worker, unavailable, wait_until, worker_environment


@pytest.fixture(scope="module")
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        found.create_topics()
        yield found


def ended(settings: dict[str, str]) -> tuple[int, list[str]]:
    """Run a worker that cannot start, and give its exit code and the lines of its standard error."""
    done = subprocess.run(
        [*reprise_command(), "run"],
        env=worker_environment({"REPRISE_HTTP_PORT": "0", **settings}),
        capture_output=True,
        text=True,
        timeout=READY_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stderr.splitlines()


def test_mistakes_in_the_settings_are_told_all_at_once(place: Place) -> None:
    """Exit code 2 and one line for each mistake, in a group, in a name and between two groups."""
    code, lines = ended(
        place.settings(
            KAFKA_AUTO_OFFSET_RESET="now", WINDOW_SECONDS="-1", WINDOW_SECOND="1", TOPIC_DEAD=place.topics.new
        )
    )
    assert code == 2
    assert sorted(line.split(": ")[1] for line in lines) == [
        "REPRISE_KAFKA_AUTO_OFFSET_RESET",
        "REPRISE_TOPIC_DEAD",
        "REPRISE_WINDOW_SECOND",
        "REPRISE_WINDOW_SECONDS",
    ]


def test_a_missing_topic_is_named(place: Place) -> None:
    """Exit code 1 after the wait that is a setting, with the topic and the command that creates it; none is created."""
    name = f"{place.namespace}.nobody.made.it"
    code, lines = ended(place.settings(TOPIC_VARIANTS=name, STARTUP_TIMEOUT_SECONDS="0.5"))
    assert code == 1
    assert len(lines) == 1
    assert name in lines[0]
    assert place.topics.new not in lines[0]
    assert "`reprise topics`" in lines[0]
    assert name not in place.admin.list_topics()


def test_a_redis_that_may_forget_is_refused(place: Place, tmp_path: Path) -> None:
    """Exit code 1, at once, with the policy and both ways out; the setting that allows it lets the worker start."""
    try:
        with local_redis(StackKind.JVM, tmp_path) as server:
            with redis.Redis.from_url(server.address) as client:
                client.config_set("maxmemory-policy", "allkeys-lru")
            settings = {**place.settings(), "REPRISE_REDIS_URL": server.address}
            code, lines = ended(settings)
            assert (code, len(lines)) == (1, 1)
            assert "maxmemory-policy allkeys-lru" in lines[0]
            assert "noeviction" in lines[0]
            assert "REPRISE_REDIS_ALLOW_EVICTION=true" in lines[0]
            with running_worker({**settings, "REPRISE_REDIS_ALLOW_EVICTION": "true"}, tmp_path / "log") as worker:
                wait_ready(worker)
    except StackUnavailable as error:
        unavailable("stack", f"no Redis: {error}")


def test_an_index_of_other_parameters_is_refused(place: Place, tmp_path: Path) -> None:
    """Exit code 1 with both sets of parameters: signatures of two kinds never meet in one namespace."""
    with running_worker(place.settings(), tmp_path / "log") as worker:
        wait_ready(worker)
    code, lines = ended(place.settings(RULE_PERMUTATIONS="48"))
    assert (code, len(lines)) == (1, 1)
    assert f"namespace '{place.namespace}'" in lines[0]
    assert f"permutations={Rule().permutations}" in lines[0]
    assert "permutations=48" in lines[0]


def test_a_worker_is_not_ready_before_it_can_join(kafka_bootstrap_servers: str, redis_url: str, tmp_path: Path) -> None:
    """While its topics are missing it waits, unready and without a group; once they are there it joins by itself."""
    with (
        open_place(kafka_bootstrap_servers, redis_url) as place,
        running_worker(place.settings(), tmp_path / "log") as worker,
    ):
        wait_until(lambda: "waiting" in worker.output(), READY_SECONDS, "the wait for the topics")
        answer = probe(worker, "/readyz")
        assert answer.status == 503
        assert "not a member of the group" in answer.body
        assert place.members() == {}
        place.create_topics()
        wait_ready(worker)
        wait_until(lambda: [*place.members().values()] == [[0]], READY_SECONDS, "the partition")
        assert worker.output().count('"waiting"') == 1
