"""Read the service definitions of compose.yaml, and run both servers with compose."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.stack.health_checks import is_kafka_up, redis_version
from deploy.local.stack.processes import (
    defer_signals,
    environment_with,
    free_port,
    read_output,
    run_child,
    tail,
    wait_until,
)
from deploy.local.stack.types import Stack, StackKind, StackService, StackUnavailable

COMPOSE_FILE: Final = Path(__file__).resolve().parents[2] / "compose" / "compose.yaml"

#: compose commands, by preference: the plugin of Docker, its predecessor, and podman's
_PROGRAMS: Final = (("docker", "compose"), ("docker-compose",), ("podman-compose",))

#: seconds for a program to print its version; podman-compose is slow on a busy machine
_VERSION_SECONDS: Final = 15.0

#: seconds for `up` and `down`, which create and remove containers but pull no image and wait for no server
_CALL_SECONDS: Final = 90.0

#: seconds for both servers to answer
_START_SECONDS: Final = 90.0

#: seconds between SIGTERM and SIGKILL; short, because the data is discarded
_STOP_SECONDS: Final = 2

#: a variable of compose, `${NAME:-default}`; the file uses no other form
_VARIABLE: Final = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDefinition:
    """A service of compose.yaml, with its variables substituted."""

    image: str
    environment: Mapping[str, str]
    command: Sequence[str]
    hostname: str | None


def load_service_definition(service: str, **variables: str) -> ServiceDefinition:
    """Return the definition of a service. Variables without a value have the defaults of the file."""
    import yaml  # noqa: PLC0415  # a benchmark may run without it

    text = _VARIABLE.sub(lambda match: variables.get(match[1], match[2]), COMPOSE_FILE.read_text())
    definition = yaml.safe_load(text)["services"][service]
    return ServiceDefinition(
        image=definition["image"],
        environment=definition.get("environment", {}),
        command=definition.get("command", ()),
        hostname=definition.get("hostname"),
    )


def compose_command() -> tuple[str, ...] | None:
    """Return the first compose command that works on this machine, or None."""
    for program in _PROGRAMS:
        if read_output([*program, "version"], _VERSION_SECONDS) is not None:
            return program
    return None


@contextmanager
def compose_stack(directory: Path, report: Callable[[str], None]) -> Iterator[Stack]:
    """Run both servers with compose, on free loopback ports, in a project of their own. Raises StackUnavailable."""
    program = compose_command()
    if program is None:
        raise StackUnavailable(f"none of {', '.join(' '.join(program) for program in _PROGRAMS)} works")
    kafka_port, redis_port = free_port(), free_port()
    address, url = f"127.0.0.1:{kafka_port}", f"redis://127.0.0.1:{redis_port}/0"
    environment = environment_with(KAFKA_PORT=str(kafka_port), REDIS_PORT=str(redis_port))
    project = [*program, "-p", f"reprise-{os.getpid()}", "-f", str(COMPOSE_FILE)]
    log = directory / "compose.log"

    def call(*arguments: str) -> None:
        _call([*project, *arguments], environment, log)

    report(f"starting Kafka and Redis: {' '.join(program)} up")
    try:
        with defer_signals():
            call("up", "-d", "kafka", "redis")
        try:
            wait_until(
                lambda: is_kafka_up(address) and redis_version(url), _START_SECONDS, "an answer of Kafka and Redis"
            )
        except TimeoutError as error:
            call("logs")
            raise StackUnavailable(f"{error}\n{tail(log)}") from None
        redis = f"{load_service_definition('redis').image} ({redis_version(url)})"
        yield Stack(
            kafka=StackService(
                kind=StackKind.CONTAINERS, product=load_service_definition("kafka").image, address=address
            ),
            redis=StackService(kind=StackKind.CONTAINERS, product=redis, address=url),
        )
    finally:
        with defer_signals():
            call("down", "-v", "-t", str(_STOP_SECONDS))


def _call(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    # run_child gives compose a session of its own: a Ctrl-C would make it stop with half of the project up
    with run_child(arguments, log, environment=environment) as process:
        try:
            code = process.wait(timeout=_CALL_SECONDS)
        except subprocess.TimeoutExpired:
            raise StackUnavailable(f"compose took more than {_CALL_SECONDS:g} s\n{tail(log)}") from None
    if code != 0:
        raise StackUnavailable(f"compose ended with exit code {code}\n{tail(log)}")
