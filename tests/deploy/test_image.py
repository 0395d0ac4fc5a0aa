"""The worker's image, built from the Dockerfile and run with the restrictions of restricted pod security."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.chart import Helm
from tests.deploy.engine import REVISION, SECRET, TOP, VERSION, Engine
from tests.e2e.articles import article_json
from tests.e2e.sandbox import InputMessage, Sandbox, open_sandbox
from tests.support import free_port, wait_until

#: Seconds for a container to start, to join its group and to become healthy.
READY = 90.0

#: Seconds for one article until its event is published and its offset is committed.
DELIVERED = 60.0

#: A script that prints properties of the container that runs it.
INSPECTION_SCRIPT = (Path(__file__).parent / "container_properties.py").read_text()


def inspect_container(engine: Engine, image: str) -> Mapping[str, Any]:
    """Return the properties of a restricted container of the image."""
    output = engine.run(
        "run", "--rm", *engine.restricted_flags, "--entrypoint", "python", image, "-c", INSPECTION_SCRIPT
    )
    properties: Mapping[str, Any] = json.loads(output)
    return properties


def environment(settings: Mapping[str, str]) -> Iterator[str]:
    """Yield the flags that set environment variables."""
    for name, value in settings.items():
        yield from ("--env", f"{name}={value}")


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url, partitions=None) as opened:
        yield opened


def test_the_image_has_its_labels_and_defaults(engine: Engine, image: str) -> None:
    """The labels have the version and revision of the build arguments. User, command and health check are set."""
    inspected = engine.inspect("image", image)
    config = inspected["Config"]
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items() if "opencontainers" in name}
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert labels["version"] == VERSION
    assert labels["revision"] == REVISION
    assert (labels["title"], labels["licenses"]) == (project["name"], project["license"])
    assert labels["description"] + "." == project["description"]
    assert (labels["source"], labels["url"]) == (project["urls"]["Repository"], project["urls"]["Documentation"])
    assert labels["name"] == "docker.io/library/python:3.11-slim"  # base.name
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (["reprise"], ["run"], "10001:10001")
    assert list(config["ExposedPorts"]) == ["9464/tcp"]
    # Docker reports it as a part of the configuration, podman beside it.
    check = config.get("Healthcheck") or inspected["Healthcheck"]
    assert check["Test"][:2] == ["CMD", "python"]


def test_the_image_has_the_native_text_step(engine: Engine, image: str) -> None:
    """The compiler runs in an earlier stage of the build; the image has its result."""
    output = engine.run("run", "--rm", *engine.restricted_flags, image, "--version")
    assert output.endswith("(native text step)\n")


def test_the_chart_fits_the_image(engine: Engine, image: str, helm: Helm) -> None:
    """The chart's pods use the image's user and entry point, and probe the port that it exposes."""
    config = engine.inspect("image", image)["Config"]
    pod = helm.objects("minimal").worker_pod
    security = pod["securityContext"]
    (container,) = pod["containers"]
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == config["User"]
    assert "command" not in container
    assert container["args"] == config["Cmd"]
    assert f"{container['ports'][0]['containerPort']}/tcp" in config["ExposedPorts"]


def test_nothing_in_the_image_builds_or_installs(engine: Engine, image: str) -> None:
    """A container runs as user 10001 without capabilities, can write no file, and has neither a compiler nor pip."""
    found = inspect_container(engine, image)
    assert found["ids"] == [10001, 10001]
    assert (found["programs"], found["modules"], found["build_files"]) == ([], [], [])
    assert (found["writable"], set(found["capabilities"]), found["no_new_privileges"]) == ([], {"0" * 16}, "1")


def test_the_build_s_secret_stays_out_of_the_image(engine: Engine, image: str) -> None:
    """Neither the history nor a configuration file of pip contains the package index of the build."""
    assert SECRET not in engine.run("history", "--no-trunc", image)
    script = "cat /etc/pip.conf ~root/.config/pip/pip.conf 2>&1"
    done = engine.attempt("run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", script)
    assert SECRET not in done.stdout
    assert done.stdout.count("No such file") == 2


def test_the_pinned_versions_are_installed(engine: Engine, image: str) -> None:
    """Every package of the image except the worker has the version of constraints.txt."""
    installed = {
        name: found for name, found in inspect_container(engine, image)["packages"].items() if name != "reprise"
    }
    pins = dict(
        line.split("==")
        for line in (TOP / "constraints.txt").read_text().lower().replace("_", "-").splitlines()
        if "==" in line
    )
    assert len(installed) > 25
    assert installed == {name: pins.get(name) for name in installed}


def test_an_unknown_setting_ends_with_exit_code_2(engine: Engine, image: str) -> None:
    """The output is one line without a traceback."""
    done = engine.attempt("run", "--rm", *engine.restricted_flags, "--env", "REPRISE_TYPO=1", image)
    assert done.returncode == 2
    assert "REPRISE_TYPO" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_article_goes_in_and_sigterm_drains(engine: Engine, image: str, sandbox: Sandbox) -> None:
    """A restricted container creates topics, publishes an event, becomes healthy, and exits with 0 after SIGTERM."""
    settings = {**sandbox.settings(), "REPRISE_HTTP_PORT": str(free_port())}
    flags = ["--network", "host", *engine.restricted_flags, *environment(settings)]
    made = engine.run("run", "--rm", *flags, image, "topics", "--partitions", "1", "--replication-factor", "1")
    assert made.count("created") == 5

    with engine.container(*flags, image) as name:
        final = {"healthy", "ended"}
        health = wait_until(lambda: found if (found := engine.health(name)) in final else None, READY, "its health")
        assert health == "healthy", engine.run("logs", name)
        sentence = "The ferry returned to service on Monday after a refit that took eleven weeks and cost two million."
        sandbox.produce(
            [InputMessage(value=article_json(id="a1", text=f"{sentence} Passengers queued from six in the morning."))]
        )
        wait_until(lambda: sandbox.committed() == {0: 1}, DELIVERED, "the article's commit")
        (event,) = sandbox.events()
        assert (event.body["type"], event.body["article"]["id"]) == ("story.new", "a1")

        engine.run("kill", "--signal", "TERM", name)
        wait_until(lambda: not engine.state(name)["Running"], READY, "the end of the container")
        assert engine.state(name)["ExitCode"] == 0, engine.run("logs", name)
    assert sandbox.members() == {}
