"""Kafka and Redis as compose.yaml defines them, one by one, on a Docker-compatible engine of this machine."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.local.stack.compose import Definition, definition
from deploy.local.stack.health_checks import kafka_answers, redis_version
from deploy.local.stack.processes import free_port, signals_held, tail, wait_until
from deploy.local.stack.types import Service, StackKind, StackUnavailable

#: Seconds for one request to the engine; pulling an image is many, each with news of its progress.
_ENGINE_SECONDS: Final = 60

#: Seconds for a quick look whether an engine is there.
_LOOK_SECONDS: Final = 5

#: Seconds for a server to answer in its container.
_START_SECONDS: Final = 90.0

_LABEL: Final = "reprise.local-stack"

Say = Callable[[str], None]


def engine_problem() -> str | None:
    """Say why no engine can be used, or None where one answers."""
    try:
        import docker  # type: ignore[import-untyped]  # noqa: PLC0415  # it comes with the development tools; a benchmark may run without them
        import testcontainers.core.container  # noqa: F401, PLC0415
    except ImportError:
        return "testcontainers is not installed"
    host = urlsplit(os.environ.get("DOCKER_HOST", ""))
    if host.scheme == "tcp" and host.hostname not in {"localhost", "127.0.0.1", "::1"}:
        return "the container engine is on another machine, where loopback ports are out of reach"
    try:
        client = docker.from_env(timeout=_LOOK_SECONDS)
        client.ping()
        client.close()
    except Exception:  # whatever stands there, it does not answer as an engine does
        return "no container engine answers"
    return None


def pull_images(say: Say) -> None:
    """Pull what the engine does not have yet. Raises StackUnavailable."""
    import docker  # noqa: PLC0415  # as above

    client = docker.from_env(timeout=_ENGINE_SECONDS)
    try:
        for service in ("kafka", "redis"):
            _pull_missing(client, definition(service).image, say)
    finally:
        client.close()


def _pull_missing(client: Any, image: str, say: Say) -> None:
    import docker.errors  # type: ignore[import-untyped]  # noqa: PLC0415  # as above

    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        say(f"pulling {image}")
        try:
            client.images.pull(image)
        except Exception as error:  # the engine, its registry or the line to it
            raise StackUnavailable(f"{image} cannot be pulled: {error}") from error


@contextmanager
def container_kafka(directory: Path, say: Say) -> Iterator[Service]:
    """Run a broker in a container, bound to a free loopback port. Raises StackUnavailable."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    kafka = definition("kafka", KAFKA_PORT=str(port))
    with _container(kafka, (9092, port), directory / "kafka.log", say) as running:
        _wait_for(running, lambda: kafka_answers(address), directory / "kafka.log", "an answer of Kafka")
        yield Service(kind=StackKind.CONTAINERS, what=kafka.image, address=address)


@contextmanager
def container_redis(directory: Path, say: Say) -> Iterator[Service]:
    """Run a Redis in a container, bound to a free loopback port. Raises StackUnavailable."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    server = definition("redis")
    with _container(server, (6379, port), directory / "redis.log", say) as running:
        _wait_for(running, lambda: redis_version(url), directory / "redis.log", "an answer of Redis")
        yield Service(kind=StackKind.CONTAINERS, what=f"{server.image} ({redis_version(url)})", address=url)


@contextmanager
def _container(defined: Definition, ports: tuple[int, int], log: Path, say: Say) -> Iterator[Any]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415  # as above

    pull_images(say)
    options = {"labels": {_LABEL: str(os.getpid())}, "hostname": defined.hostname}
    container: Any = DockerContainer(defined.image).with_envs(**defined.environment).with_kwargs(**options)
    container.ports[f"{ports[0]}/tcp"] = ("127.0.0.1", ports[1])  # with_bind_ports knows no host address
    if defined.command:
        container.with_command(list(defined.command))
    try:
        with signals_held():
            _start(container, defined.image)
        yield container
    finally:
        with signals_held():
            _keep_logs(container, log)
            container.stop()


def _start(container: Any, image: str) -> None:
    try:
        container.start()
    except Exception as error:  # the engine's own words, whatever its client makes of them
        raise StackUnavailable(f"{image} does not start: {error}") from error


def _wait_for(container: Any, answers: Callable[[], object], log: Path, what: str) -> None:
    def settled() -> bool:
        return bool(answers()) or not _is_running(container)

    try:
        wait_until(settled, _START_SECONDS, what)
    except TimeoutError as error:
        _keep_logs(container, log)
        raise StackUnavailable(f"{error}\n{tail(log)}") from None
    if not _is_running(container):
        _keep_logs(container, log)
        raise StackUnavailable(f"a container ended while it started\n{tail(log)}")


def _is_running(container: Any) -> bool:
    wrapped = container.get_wrapped_container()
    wrapped.reload()
    return wrapped.status in {"created", "running"}


def _keep_logs(container: Any, log: Path) -> None:
    """Write what the container has said; a container that never was has said nothing."""
    try:
        said = container.get_wrapped_container().logs()
    except Exception:  # a log that cannot be had must not keep its container from being removed
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(said)
