"""compose.yaml: what its servers are, for who starts them otherwise; and the two servers by compose itself."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.stack.health_checks import kafka_answers, redis_version
from deploy.local.stack.processes import child, free_port, inherited, output_of, signals_held, tail, wait_until
from deploy.local.stack.types import Service, Stack, StackKind, StackUnavailable

FILE: Final = Path(__file__).resolve().parents[2] / "compose" / "compose.yaml"

#: The standard one, the one before it, and podman's own; the first that answers is used.
_PROGRAMS: Final = (("docker", "compose"), ("docker-compose",), ("podman-compose",))

#: Seconds for a program to tell its version, in Python on a busy machine.
_LOOK_SECONDS: Final = 15.0

#: Seconds for `up` and `down`: containers are made and removed, nothing is pulled or waited for.
_CALL_SECONDS: Final = 90.0

#: Seconds for both servers to answer.
_START_SECONDS: Final = 90.0

#: Seconds that a server has after SIGTERM: its data is thrown away.
_STOP_SECONDS: Final = 2

#: Compose's `${NAME:-default}`, the only form of it that the file uses.
_VARIABLE: Final = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A service of the file, with its variables filled in."""

    image: str
    environment: Mapping[str, str]
    command: Sequence[str]
    hostname: str | None


def definition(service: str, **variables: str) -> Definition:
    """Read a service; variables that are not given have the file's defaults."""
    import yaml  # type: ignore[import-untyped]  # noqa: PLC0415  # it comes with the development tools; a benchmark may run without them

    text = _VARIABLE.sub(lambda found: variables.get(found[1], found[2]), FILE.read_text())
    found = yaml.safe_load(text)["services"][service]
    return Definition(
        image=found["image"],
        environment=found.get("environment", {}),
        command=found.get("command", ()),
        hostname=found.get("hostname"),
    )


def compose_command() -> tuple[str, ...] | None:
    """Return the compose of this machine, or None where there is none."""
    for program in _PROGRAMS:
        if output_of([*program, "version"], _LOOK_SECONDS) is not None:
            return program
    return None


@contextmanager
def compose_stack(directory: Path, say: Callable[[str], None]) -> Iterator[Stack]:
    """Run both servers by compose, on free loopback ports, as a project of its own. Raises StackUnavailable."""
    program = compose_command()
    if program is None:
        raise StackUnavailable(f"none of {', '.join(' '.join(each) for each in _PROGRAMS)} answers")
    kafka_port, redis_port = free_port(), free_port()
    address, url = f"127.0.0.1:{kafka_port}", f"redis://127.0.0.1:{redis_port}/0"
    environment = inherited(KAFKA_PORT=str(kafka_port), REDIS_PORT=str(redis_port))
    project = [*program, "-p", f"reprise-{os.getpid()}", "-f", str(FILE)]
    log = directory / "compose.log"

    def call(*arguments: str) -> None:
        _call([*project, *arguments], environment, log)

    say(f"{' '.join(program)} up")
    try:
        with signals_held():
            call("up", "-d", "kafka", "redis")
        try:
            wait_until(lambda: kafka_answers(address) and redis_version(url), _START_SECONDS, "an answer of both")
        except TimeoutError as error:
            call("logs")
            raise StackUnavailable(f"{error}\n{tail(log)}") from None
        what = f"{definition('redis').image} ({redis_version(url)})"
        yield Stack(
            kafka=Service(kind=StackKind.CONTAINERS, what=definition("kafka").image, address=address),
            redis=Service(kind=StackKind.CONTAINERS, what=what, address=url),
        )
    finally:
        with signals_held():
            call("down", "-v", "-t", str(_STOP_SECONDS))


def _call(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
    # a session of its own: at a Ctrl-C compose would give up with half of the project up
    with child(arguments, log, environment=environment) as process:
        try:
            code = process.wait(timeout=_CALL_SECONDS)
        except subprocess.TimeoutExpired:
            raise StackUnavailable(f"compose took more than {_CALL_SECONDS:g} s\n{tail(log)}") from None
    if code != 0:
        raise StackUnavailable(f"compose ended with exit code {code}\n{tail(log)}")
