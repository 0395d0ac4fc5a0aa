"""What the chart's containers run, run for real: commands and environment of a render, on a real Kafka and Redis."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.chart import Helm, Objects
from tests.support import TopicNames, free_port, reprise_command, running_worker, wait_until, worker_environment

#: Seconds for a container that ends by itself.
SHORT = 60.0

#: Seconds for the worker to join its group.
READY = 60.0


@pytest.fixture
def objects(
    helm: Helm, kafka_bootstrap_servers: str, redis_url: str, namespace: str, topic_names: TopicNames
) -> Objects:
    """Give a render whose addresses are those of the stack and whose names are the test's own."""
    settings = {
        "kafkaBootstrapServers": kafka_bootstrap_servers,
        "redisUrl": redis_url,
        "namespace": namespace,
        "kafkaGroupId": topic_names.group_id,
        "topicArticles": topic_names.articles,
        "topicNew": topic_names.new,
        "topicVariants": topic_names.variants,
        "topicDead": topic_names.dead,
        "httpPort": free_port(),
        "expectedArticles": 10_000,
    }
    return helm.objects("dev", {"settings": settings})


def container(objects: Objects, kind: str, name: str) -> Mapping[str, Any]:
    """Return a container of the pod that a kind makes."""
    (found,) = (each for each in dict(objects.pods())[kind]["containers"] if each["name"] == name)
    return found


def ran(objects: Objects, kind: str, name: str) -> "subprocess.CompletedProcess[str]":
    """Run a container's command with its environment; its image's entry point is `reprise`, its host is here."""
    found = container(objects, kind, name)
    service = objects.of("Service")[0]["metadata"]
    arguments = [each.replace(f"{service['name']}.{service['namespace']}:", "127.0.0.1:") for each in found["args"]]
    entry = reprise_command() if "command" not in found else found["command"]
    if entry[0] == "python":
        entry = [sys.executable, *entry[1:]]
    return subprocess.run(
        [*entry, *arguments],
        env=worker_environment(objects.environment(kind) if "command" not in found else {}),
        capture_output=True,
        text=True,
        timeout=SHORT,
        check=False,
    )


def test_job_worker_and_test_do_what_the_chart_says(objects: Objects, tmp_path: Path) -> None:
    """The job makes the topics, the worker becomes ready, and `helm test` fails without either and passes with both."""
    missing = ran(objects, "Pod", "topics")
    assert missing.returncode == 1
    assert "does not exist" in missing.stdout
    assert ran(objects, "Pod", "ready").returncode == 1

    made = ran(objects, "Job", "topics")
    assert (made.returncode, made.stdout.count("created")) == (0, 4), made.stderr
    again = ran(objects, "Job", "topics")
    assert (again.returncode, again.stdout.count("exists")) == (0, 4), again.stderr
    assert ran(objects, "Pod", "topics").returncode == 0

    arguments = container(objects, "Deployment", "worker")["args"]
    assert arguments == ["run"]
    with running_worker(objects.environment(), tmp_path / "worker.log") as worker:
        wait_until(lambda: ran(objects, "Pod", "ready").returncode == 0, READY, "a ready worker")
        assert worker.stop() == 0
