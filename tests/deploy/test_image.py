"""The worker's image, built from the Dockerfile and run as restricted pod security would have it."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.chart import Helm
from tests.deploy.engine import REVISION, SECRET, TOP, VERSION, Engine
from tests.e2e.support_e2e import Place, Raw, article, open_place
from tests.support import free_port, wait_until

#: Seconds for a container to start, to join its group and to be found healthy.
READY = 90.0

#: Seconds for one article to come out as an event and be committed.
DELIVERED = 60.0

#: What a container of the image is asked.
LOOK = (Path(__file__).parent / "look_inside.py").read_text()


def looked(engine: Engine, image: str) -> Mapping[str, Any]:
    """Return what a hardened container of the image finds."""
    told = engine.run("run", "--rm", *engine.hardened, "--entrypoint", "python", image, "-c", LOOK)
    found: Mapping[str, Any] = json.loads(told)
    return found


def environment(settings: Mapping[str, str]) -> Iterator[str]:
    """List the flags that hand settings over."""
    for name, value in settings.items():
        yield from ("--env", f"{name}={value}")


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as opened:
        yield opened


def test_the_image_says_what_it_is(engine: Engine, image: str) -> None:
    """Labels carry the version and revision that the build was told; user, command and health check are set."""
    inspected = engine.inspect("image", image)
    config = inspected["Config"]
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items() if "opencontainers" in name}
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    assert labels["version"] == VERSION
    assert labels["revision"] == REVISION
    assert (labels["title"], labels["licenses"]) == (project["name"], project["license"])
    assert labels["description"] + "." == project["description"]
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (["reprise"], ["run"], "10001:10001")
    assert list(config["ExposedPorts"]) == ["9464/tcp"]
    # docker tells it among the rest of the configuration, podman beside it
    check = config.get("Healthcheck") or inspected["Healthcheck"]
    assert check["Test"][:2] == ["CMD", "python"]


def test_the_image_is_the_chart_s(engine: Engine, image: str, helm: Helm) -> None:
    """The chart's pods run as the image's user, with arguments of its entry point, and probe the port it exposes."""
    config = engine.inspect("image", image)["Config"]
    pod = helm.objects("minimal").worker_pod
    security = pod["securityContext"]
    (container,) = pod["containers"]
    assert f"{security['runAsUser']}:{security['runAsGroup']}" == config["User"]
    assert "command" not in container
    assert container["args"] == config["Cmd"]
    assert f"{container['ports'][0]['containerPort']}/tcp" in config["ExposedPorts"]


def test_nothing_in_the_image_builds_or_installs(engine: Engine, image: str) -> None:
    """A container is user 10001 without a capability, can write nowhere, and finds neither compiler nor pip."""
    found = looked(engine, image)
    assert found["ids"] == [10001, 10001]
    assert (found["programs"], found["modules"], found["left"]) == ([], [], [])
    assert (found["writable"], set(found["capabilities"]), found["no_new_privileges"]) == ([], {"0" * 16}, "1")


def test_the_build_s_secret_stays_out_of_the_image(engine: Engine, image: str) -> None:
    """Neither the history nor a file where pip looks tells the package index that the build was given."""
    assert SECRET not in engine.run("history", "--no-trunc", image)
    script = "cat /etc/pip.conf ~root/.config/pip/pip.conf 2>&1"
    told = engine.attempt("run", "--rm", "--user", "0", "--entrypoint", "sh", image, "-c", script)
    assert SECRET not in told.stdout
    assert told.stdout.count("No such file") == 2


def test_the_pinned_versions_are_installed(engine: Engine, image: str) -> None:
    """Whatever the image has, but for the worker itself, is what constraints.txt pins, package by package."""
    installed = {name: found for name, found in looked(engine, image)["packages"].items() if name != "reprise"}
    pins = dict(
        line.split("==")
        for line in (TOP / "constraints.txt").read_text().lower().replace("_", "-").splitlines()
        if "==" in line
    )
    assert len(installed) > 25
    assert installed == {name: pins.get(name) for name in installed}


def test_a_mistake_is_told_by_the_exit_code(engine: Engine, image: str) -> None:
    """A setting that does not exist ends the container with code 2 and one line, which an orchestrator can show."""
    done = engine.attempt("run", "--rm", *engine.hardened, "--env", "REPRISE_TYPO=1", image)
    assert done.returncode == 2
    assert "REPRISE_TYPO" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_article_goes_in_and_sigterm_drains(engine: Engine, image: str, place: Place) -> None:
    """Hardened, on a real Kafka and Redis: topics made, an event out, healthy, and SIGTERM ends it with code 0."""
    settings = {**place.settings(), "REPRISE_HTTP_PORT": str(free_port())}
    flags = ["--network", "host", *engine.hardened, *environment(settings)]
    made = engine.run("run", "--rm", *flags, image, "topics", "--partitions", "1", "--replication-factor", "1")
    assert made.count("created") == 4

    with engine.container(*flags, image) as name:
        settled = {"healthy", "ended"}
        health = wait_until(lambda: found if (found := engine.health(name)) in settled else None, READY, "its health")
        assert health == "healthy", engine.run("logs", name)
        sentence = "The ferry returned to service on Monday after a refit that took eleven weeks and cost two million."
        place.send([Raw(value=article(id="a1", text=f"{sentence} Passengers queued from six in the morning."))])
        wait_until(lambda: place.committed() == {0: 1}, DELIVERED, "the article's commit")
        (event,) = place.events()
        assert (event.body["type"], event.body["article"]["id"]) == ("story.new", "a1")

        engine.run("kill", "--signal", "TERM", name)
        wait_until(lambda: not engine.state(name)["Running"], READY, "the end of the container")
        assert engine.state(name)["ExitCode"] == 0, engine.run("logs", name)
    assert place.members() == {}
