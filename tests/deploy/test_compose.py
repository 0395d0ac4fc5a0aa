"""compose.yaml without Grafana, on a real engine, and the demo that reads its servers from it."""

import json
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.stack import free_port, run_child, tail, wait_until
from deploy.local.stack.compose import COMPOSE_FILE, compose_command
from tests.deploy.engine import TOP, Engine
from tests.support import unavailable

#: Seconds for all containers to start, in the order of their dependencies.
UP_SECONDS = 180.0

#: Seconds until a scrape shows an effect; DNS of a busy engine takes half a minute.
SCRAPED_SECONDS = 120.0

#: Seconds for compose to stop and remove everything.
DOWN_SECONDS = 120.0

#: Seconds for the demo, including its servers.
DEMO_SECONDS = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The services that a test started."""

    engine: Engine
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    prometheus: str

    def containers(self) -> dict[str, str]:
        """Return the container of each service."""
        names = self.engine.run(
            "ps", "--all", "--filter", f"label=com.docker.compose.project={self.name}", "--format", "{{.Names}}"
        )
        named = {name: self.engine.inspect("container", name)["Config"]["Labels"] for name in names.split()}
        return {labels["com.docker.compose.service"]: name for name, labels in named.items()}

    def check_health(self) -> None:
        """Make the engine check the health of each container; podman does so only on request or by systemd."""
        for name in self.containers().values():
            if self.engine.state(name)["Running"]:
                self.engine.health(name)

    def query(self, promql: str) -> list[float]:
        """Return the values of an instant query; an empty list while Prometheus does not answer."""
        return [float(found["value"][1]) for found in self._get(f"query?query={urllib.parse.quote(promql)}", "result")]

    def rules(self) -> list[Mapping[str, Any]]:
        """Return all rules with their health."""
        return [rule for group in self._get("rules", "groups") for rule in group["rules"]]

    def _get(self, path: str, field: str) -> list[Any]:
        try:
            with urllib.request.urlopen(f"{self.prometheus}/api/v1/{path}", timeout=10) as answer:
                values: list[Any] = json.load(answer)["data"][field]
                return values
        except (urllib.error.URLError, OSError):
            return []


@pytest.fixture(scope="module")
def compose() -> tuple[str, ...]:
    found = compose_command()
    if found is None:
        unavailable("deploy", "no compose: neither `docker compose`, docker-compose nor podman-compose answers")
    return found


@contextmanager
def running(engine: Engine, compose: Sequence[str], image: str, log: Path) -> Iterator[Project]:
    """Start all services but Grafana; in the end remove them and their volumes."""
    name, port = f"reprise-test-{uuid4().hex[:8]}", free_port()
    environment = {
        **engine.environment,
        "IMAGE": image,
        "RATE": "50",
        "KAFKA_PORT": str(free_port()),
        "REDIS_PORT": str(free_port()),
        "PROMETHEUS_PORT": str(port),
        # The only tag that every engine of these tests has.
        "PROMETHEUS_IMAGE": "prom/prometheus:latest",
    }
    command = [*compose, "-p", name, "-f", str(COMPOSE_FILE)]
    prometheus = f"http://127.0.0.1:{port}"
    project = Project(engine=engine, name=name, command=command, environment=environment, prometheus=prometheus)
    try:
        with run_child([*command, "up", "-d", "--no-build"], log, environment=environment) as up:

            def finished() -> bool:
                project.check_health()
                return up.poll() is not None

            wait_until(finished, UP_SECONDS, "compose up")
        assert up.returncode == 0, tail(log)
        yield project
    finally:
        subprocess.run(
            [*command, "down", "-v"], env=environment, capture_output=True, timeout=DOWN_SECONDS, check=True, text=True
        )


def test_compose_starts_all_services(engine: Engine, compose: Sequence[str], image: str, tmp_path: Path) -> None:
    """The worker decides the crawl, Prometheus scrapes it and evaluates every rule, and `down` removes everything."""
    with running(engine, compose, image, tmp_path / "up.log") as project:
        containers = project.containers()
        assert set(containers) == {"kafka", "redis", "topics", "reprise", "generator", "prometheus"}
        state = {service: engine.state(name) for service, name in containers.items()}
        assert (state["topics"]["Running"], state["topics"]["ExitCode"]) == (False, 0)
        assert all(state[service]["Running"] for service in set(containers) - {"topics"})

        wait_until(lambda: project.query('up{job="reprise"}') == [1.0], SCRAPED_SECONDS, "a scrape of the worker")
        wait_until(
            lambda: sum(project.query('sum(reprise_articles_total{outcome="variant",namespace="compose"})')) > 20,
            SCRAPED_SECONDS,
            "variants in Prometheus",
        )
        wait_until(lambda: engine.health(containers["reprise"]) == "healthy", SCRAPED_SECONDS, "a healthy worker")
        wait_until(
            lambda: (rules := project.rules()) and all(rule["health"] == "ok" for rule in rules),
            SCRAPED_SECONDS,
            "every rule evaluated without an error",
        )
        assert not [rule["name"] for rule in project.rules() if rule.get("state") == "firing"]

        engine.run("stop", containers["reprise"])
        assert engine.state(containers["reprise"])["ExitCode"] == 0
    assert project.containers() == {}


def test_the_demo_uses_the_servers_of_compose(engine: Engine, compose: Sequence[str], tmp_path: Path) -> None:
    """STACK=containers starts Kafka and Redis by compose, exits with 0, and removes both."""
    environment = {name: value for name, value in engine.environment.items() if not name.startswith("REPRISE_")}
    log = tmp_path / "demo.log"
    command = [sys.executable, "-m", "deploy.local.demo", "--rate", "100", "--articles", "200"]
    with run_child(command, log, environment={**environment, "STACK": "containers", "PYTHONPATH": str(TOP)}) as demo:
        assert demo.wait(timeout=DEMO_SECONDS) == 0, log.read_text()
    output = log.read_text()
    assert f"{' '.join(compose)} up\nstack: containers (apache/kafka:4.1.0" in output
    assert "articles      299" in output
    names = engine.run("ps", "--all", "--format", "{{.Names}}").split()
    assert not [name for name in names if name.startswith(f"reprise-{demo.pid}")]  # the project's name
