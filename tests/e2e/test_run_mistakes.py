"""Errors that end the start of a worker: one line each, exit code 2 for invalid settings and 1 for the rest."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy.local.stack.redis_local import local_redis
from deploy.local.stack.types import StackKind, StackUnavailable
from reprise.dedup.rule import Rule
from tests.e2e.sandbox import Sandbox, open_sandbox
from tests.e2e.worker_state import READY_SECONDS, http_get, wait_ready
from tests.support import reprise_command, running_worker, unavailable, wait_until, worker_environment


@pytest.fixture(scope="module")
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url) as sandbox:
        yield sandbox


def failed_start(settings: dict[str, str]) -> tuple[int, list[str]]:
    """Run a worker that cannot start. Return its exit code and the lines of its standard error."""
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


def test_all_invalid_settings_are_reported_at_once(sandbox: Sandbox) -> None:
    """Exit code 2 and one line for each invalid value, unknown name and conflict between settings."""
    code, lines = failed_start(
        sandbox.settings(
            KAFKA_AUTO_OFFSET_RESET="now", WINDOW_SECONDS="-1", WINDOW_SECOND="1", TOPIC_DEAD=sandbox.topics.new
        )
    )
    assert code == 2
    assert sorted(line.split(": ")[1] for line in lines) == [
        "REPRISE_KAFKA_AUTO_OFFSET_RESET",
        "REPRISE_TOPIC_DEAD",
        "REPRISE_WINDOW_SECOND",
        "REPRISE_WINDOW_SECONDS",
    ]


def test_a_missing_topic_is_named(sandbox: Sandbox) -> None:
    """Exit code 1 after the start-up timeout, with the topic and the command that creates it. It is not created."""
    name = f"{sandbox.namespace}.missing"
    code, lines = failed_start(sandbox.settings(TOPIC_VARIANTS=name, STARTUP_TIMEOUT_SECONDS="0.5"))
    assert code == 1
    assert len(lines) == 1
    assert name in lines[0]
    assert sandbox.topics.new not in lines[0]
    assert "`reprise topics`" in lines[0]
    assert name not in sandbox.admin.list_topics()


def test_a_redis_that_evicts_keys_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    """Exit code 1 with the policy and both solutions. The worker starts if a setting allows eviction."""
    try:
        with local_redis(StackKind.JVM, tmp_path) as server:
            with redis.Redis.from_url(server.address) as client:
                client.config_set("maxmemory-policy", "allkeys-lru")
            settings = {**sandbox.settings(), "REPRISE_REDIS_URL": server.address}
            code, lines = failed_start(settings)
            assert (code, len(lines)) == (1, 1)
            assert "maxmemory-policy allkeys-lru" in lines[0]
            assert "noeviction" in lines[0]
            assert "REPRISE_REDIS_ALLOW_EVICTION=true" in lines[0]
            with running_worker({**settings, "REPRISE_REDIS_ALLOW_EVICTION": "true"}, tmp_path / "log") as worker:
                wait_ready(worker)
    except StackUnavailable as error:
        unavailable("stack", f"no Redis: {error}")


def test_an_index_with_other_parameters_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    """Exit code 1 with both sets of parameters, because a namespace has signatures of one kind only."""
    with running_worker(sandbox.settings(), tmp_path / "log") as worker:
        wait_ready(worker)
    code, lines = failed_start(sandbox.settings(RULE_PERMUTATIONS="48"))
    assert (code, len(lines)) == (1, 1)
    assert f"namespace '{sandbox.namespace}'" in lines[0]
    assert f"permutations={Rule().permutations}" in lines[0]
    assert "permutations=48" in lines[0]


def test_a_worker_without_topics_is_not_ready(kafka_bootstrap_servers: str, redis_url: str, tmp_path: Path) -> None:
    """A worker waits, not ready and outside the group, until its topics exist. Then it joins the group."""
    with (
        open_sandbox(kafka_bootstrap_servers, redis_url, partitions=None) as sandbox,
        running_worker(sandbox.settings(), tmp_path / "log") as worker,
    ):
        wait_until(lambda: "waiting" in worker.output(), READY_SECONDS, "the wait for the topics")
        response = http_get(worker, "/readyz")
        assert response.status == 503
        assert "not a member of the group" in response.body
        assert sandbox.members() == {}
        sandbox.create_topics()
        wait_ready(worker)
        wait_until(lambda: [*sandbox.members().values()] == [[0]], READY_SECONDS, "the partition")
        assert worker.output().count('"waiting"') == 1
