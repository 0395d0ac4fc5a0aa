"""compose.yaml started for real, all but Grafana; and the demo that takes its servers from it."""

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

#: Seconds for all containers to run, one after another as they depend on each other.
UP = 180.0

#: Seconds for a scrape to show what was asked for; a name server on a busy engine takes half a minute.
SCRAPED = 120.0

#: Seconds for compose to stop and remove everything.
DOWN = 120.0

#: Seconds for the demo, servers included.
DEMO = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """The services of the file, as one test started them."""

    engine: Engine
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    prometheus: str

    def containers(self) -> dict[str, str]:
        """Return the project's containers, with each service's own."""
        told = self.engine.run(
            "ps", "--all", "--filter", f"label=com.docker.compose.project={self.name}", "--format", "{{.Names}}"
        )
        named = {name: self.engine.inspect("container", name)["Config"]["Labels"] for name in told.split()}
        return {labels["com.docker.compose.service"]: name for name, labels in named.items()}

    def look_at_health(self) -> None:
        """Have the engine look at each container; podman leaves that to systemd, which need not be there."""
        for name in self.containers().values():
            if self.engine.state(name)["Running"]:
                self.engine.health(name)

    def query(self, promql: str) -> list[float]:
        """Return the values of an instant query; none while Prometheus does not answer."""
        return [float(found["value"][1]) for found in self._get(f"query?query={urllib.parse.quote(promql)}", "result")]

    def rules(self) -> list[Mapping[str, Any]]:
        """Return all rules, with their health."""
        return [rule for group in self._get("rules", "groups") for rule in group["rules"]]

    def _get(self, path: str, field: str) -> list[Any]:
        try:
            with urllib.request.urlopen(f"{self.prometheus}/api/v1/{path}", timeout=10) as answer:
                found: list[Any] = json.load(answer)["data"][field]
                return found
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
    """Bring everything up but Grafana, and take it down again with all volumes."""
    name, port = f"reprise-test-{uuid4().hex[:8]}", free_port()
    environment = {
        **engine.environment,
        "IMAGE": image,
        "RATE": "50",
        "KAFKA_PORT": str(free_port()),
        "REDIS_PORT": str(free_port()),
        "PROMETHEUS_PORT": str(port),
        # the one tag of it that every engine of these tests has
        "PROMETHEUS_IMAGE": "prom/prometheus:latest",
    }
    command = [*compose, "-p", name, "-f", str(COMPOSE_FILE)]
    prometheus = f"http://127.0.0.1:{port}"
    project = Project(engine=engine, name=name, command=command, environment=environment, prometheus=prometheus)
    try:
        with run_child([*command, "up", "-d", "--no-build"], log, environment=environment) as up:

            def settled() -> bool:
                project.look_at_health()
                return up.poll() is not None

            wait_until(settled, UP, "compose up")
        assert up.returncode == 0, tail(log)
        yield project
    finally:
        subprocess.run(
            [*command, "down", "-v"], env=environment, capture_output=True, timeout=DOWN, check=True, text=True
        )


def test_all_of_it_runs_and_prometheus_sees_it(
    engine: Engine, compose: Sequence[str], image: str, tmp_path: Path
) -> None:
    """The crawl reaches the worker, its decisions reach Prometheus, every rule evaluates, and nothing is left after."""
    with running(engine, compose, image, tmp_path / "up.log") as project:
        containers = project.containers()
        assert set(containers) == {"kafka", "redis", "topics", "reprise", "generator", "prometheus"}
        state = {service: engine.state(name) for service, name in containers.items()}
        assert (state["topics"]["Running"], state["topics"]["ExitCode"]) == (False, 0)
        assert all(state[service]["Running"] for service in set(containers) - {"topics"})

        wait_until(lambda: project.query('up{job="reprise"}') == [1.0], SCRAPED, "a scrape of the worker")
        wait_until(
            lambda: sum(project.query('sum(reprise_articles_total{outcome="variant",namespace="compose"})')) > 20,
            SCRAPED,
            "variants in Prometheus",
        )
        wait_until(lambda: engine.health(containers["reprise"]) == "healthy", SCRAPED, "a healthy worker")
        wait_until(
            lambda: (rules := project.rules()) and all(rule["health"] == "ok" for rule in rules),
            SCRAPED,
            "every rule evaluated without an error",
        )
        assert not [rule["name"] for rule in project.rules() if rule.get("state") == "firing"]

        engine.run("stop", containers["reprise"])
        assert engine.state(containers["reprise"])["ExitCode"] == 0
    assert project.containers() == {}


def test_the_demo_takes_its_servers_from_compose(engine: Engine, compose: Sequence[str], tmp_path: Path) -> None:
    """STACK=containers brings Kafka and Redis up by compose, shows everything, ends with 0, and takes both down."""
    environment = {name: value for name, value in engine.environment.items() if not name.startswith("REPRISE_")}
    log = tmp_path / "demo.log"
    command = [sys.executable, "-m", "deploy.local.demo", "--rate", "100", "--articles", "200"]
    with run_child(command, log, environment={**environment, "STACK": "containers", "PYTHONPATH": str(TOP)}) as demo:
        assert demo.wait(timeout=DEMO) == 0, log.read_text()
    told = log.read_text()
    assert f"{' '.join(compose)} up\nstack: containers (apache/kafka:4.1.0" in told
    assert "articles      299" in told
    names = engine.run("ps", "--all", "--format", "{{.Names}}").split()
    assert not [name for name in names if name.startswith(f"reprise-{demo.pid}")]  # the project's name
