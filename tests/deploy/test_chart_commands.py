"""The commands of the chart's containers, run with their rendered environment on a real Kafka and Redis."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.chart import Helm, Objects
from tests.support import TopicNames, free_port, reprise_command, running_worker, wait_until, worker_environment

#: Seconds for a command that exits.
COMMAND_SECONDS = 60.0

#: Seconds for the worker to join its group.
READY_SECONDS = 60.0


@pytest.fixture
def objects(
    helm: Helm, kafka_bootstrap_servers: str, redis_url: str, namespace: str, topic_names: TopicNames
) -> Objects:
    """Return a render with the addresses of the stack and names that only this test uses."""
    settings = {
        "kafkaBootstrapServers": kafka_bootstrap_servers,
        "redisUrl": redis_url,
        "namespace": namespace,
        "kafkaGroupId": topic_names.group_id,
        "topicArticles": topic_names.articles,
        "topicNew": topic_names.new,
        "topicVariants": topic_names.variants,
        "topicMerged": topic_names.merged,
        "topicDead": topic_names.dead,
        "httpPort": free_port(),
        "expectedArticles": 10_000,
    }
    return helm.objects("dev", {"settings": settings})


def find_container(objects: Objects, kind: str, name: str) -> Mapping[str, Any]:
    """Return a container of the pod of a kind."""
    containers: list[Mapping[str, Any]] = dict(objects.pods())[kind]["containers"]
    (container,) = (each for each in containers if each["name"] == name)
    return container


def run_container(objects: Objects, kind: str, name: str) -> "subprocess.CompletedProcess[str]":
    """Run a container's command with its environment on this host, with the image's entry point `reprise`."""
    container = find_container(objects, kind, name)
    service = objects.of("Service")[0]["metadata"]
    arguments = [each.replace(f"{service['name']}.{service['namespace']}:", "127.0.0.1:") for each in container["args"]]
    entry = reprise_command() if "command" not in container else container["command"]
    if entry[0] == "python":
        entry = [sys.executable, *entry[1:]]
    return subprocess.run(
        [*entry, *arguments],
        env=worker_environment(objects.environment(kind) if "command" not in container else {}),
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def test_job_worker_and_helm_test_succeed(objects: Objects, tmp_path: Path) -> None:
    """The job creates the topics and the worker becomes ready. `helm test` fails without them and passes with both."""
    missing = run_container(objects, "Pod", "topics")
    assert missing.returncode == 1
    assert "does not exist" in missing.stdout
    assert run_container(objects, "Pod", "ready").returncode == 1

    created = run_container(objects, "Job", "topics")
    assert (created.returncode, created.stdout.count("created")) == (0, 5), created.stderr
    again = run_container(objects, "Job", "topics")
    assert (again.returncode, again.stdout.count("exists")) == (0, 5), again.stderr
    assert run_container(objects, "Pod", "topics").returncode == 0

    arguments = find_container(objects, "Deployment", "worker")["args"]
    assert arguments == ["run"]
    with running_worker(objects.environment(), tmp_path / "worker.log") as worker:
        wait_until(lambda: run_container(objects, "Pod", "ready").returncode == 0, READY_SECONDS, "a ready worker")
        assert worker.stop() == 0
