"""Run Kafka and Redis in containers, as compose.yaml defines them, on a Docker-compatible engine of this machine."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.local.stack.compose import ServiceDefinition, load_service_definition
from deploy.local.stack.health_checks import is_kafka_up, redis_version
from deploy.local.stack.processes import defer_signals, free_port, tail, wait_until
from deploy.local.stack.types import StackKind, StackService, StackUnavailable

#: seconds for one request to the engine; pulling an image takes many, one for each report of its progress
_ENGINE_SECONDS: Final = 60

#: seconds for an engine to answer a ping
_PING_SECONDS: Final = 5

#: seconds for a server in a container to answer
_START_SECONDS: Final = 90.0

_LABEL: Final = "reprise.local-stack"

Report = Callable[[str], None]


def find_engine_problem() -> str | None:
    """Return why no container engine can be used, or None if one can."""
    try:
        import docker  # type: ignore[import-untyped]  # noqa: PLC0415  # a benchmark may run without it
        import testcontainers.core.container  # noqa: F401, PLC0415
    except ImportError:
        return "testcontainers is not installed"
    host = urlsplit(os.environ.get("DOCKER_HOST", ""))
    if host.scheme == "tcp" and host.hostname not in {"localhost", "127.0.0.1", "::1"}:
        return "the container engine is on another machine, whose loopback ports are not reachable"
    try:
        client = docker.from_env(timeout=_PING_SECONDS)
        client.ping()
        client.close()
    except Exception:  # any error means that no engine answers at this address
        return "no container engine answers"
    return None


def pull_images(report: Report) -> None:
    """Pull the images that the engine lacks. Raises StackUnavailable."""
    import docker  # noqa: PLC0415  # a development dependency

    client = docker.from_env(timeout=_ENGINE_SECONDS)
    try:
        for service in ("kafka", "redis"):
            _pull_missing(client, load_service_definition(service).image, report)
    finally:
        client.close()


def _pull_missing(client: Any, image: str, report: Report) -> None:
    import docker.errors  # type: ignore[import-untyped]  # noqa: PLC0415  # a development dependency

    try:
        client.images.get(image)
    except docker.errors.ImageNotFound:
        report(f"pulling {image}")
        try:
            client.images.pull(image)
        except Exception as error:  # an error of the engine, the registry or the network
            raise StackUnavailable(f"{image} cannot be pulled: {error}") from error


@contextmanager
def container_kafka(directory: Path, report: Report) -> Iterator[StackService]:
    """Run a broker in a container, on a free loopback port. Raises StackUnavailable."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    kafka = load_service_definition("kafka", KAFKA_PORT=str(port))
    with _container(kafka, (9092, port), directory / "kafka.log", report) as container:
        _wait_for(container, lambda: is_kafka_up(address), directory / "kafka.log", "an answer of Kafka")
        yield StackService(kind=StackKind.CONTAINERS, product=kafka.image, address=address)


@contextmanager
def container_redis(directory: Path, report: Report) -> Iterator[StackService]:
    """Run a Redis in a container, on a free loopback port. Raises StackUnavailable."""
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    server = load_service_definition("redis")
    with _container(server, (6379, port), directory / "redis.log", report) as container:
        _wait_for(container, lambda: redis_version(url), directory / "redis.log", "an answer of Redis")
        yield StackService(kind=StackKind.CONTAINERS, product=f"{server.image} ({redis_version(url)})", address=url)


@contextmanager
def _container(definition: ServiceDefinition, ports: tuple[int, int], log: Path, report: Report) -> Iterator[Any]:
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415  # a development dependency

    pull_images(report)
    options = {"labels": {_LABEL: str(os.getpid())}, "hostname": definition.hostname}
    container: Any = DockerContainer(definition.image).with_envs(**definition.environment).with_kwargs(**options)
    container.ports[f"{ports[0]}/tcp"] = ("127.0.0.1", ports[1])  # with_bind_ports cannot bind to one host address
    if definition.command:
        container.with_command(list(definition.command))
    try:
        with defer_signals():
            _start(container, definition.image)
        yield container
    finally:
        with defer_signals():
            _save_logs(container, log)
            container.stop()


def _start(container: Any, image: str) -> None:
    try:
        container.start()
    except Exception as error:  # the client raises many types, the text is the engine's
        raise StackUnavailable(f"{image} does not start: {error}") from error


def _wait_for(container: Any, is_up: Callable[[], object], log: Path, description: str) -> None:
    def is_up_or_ended() -> bool:
        return bool(is_up()) or not _is_running(container)

    try:
        wait_until(is_up_or_ended, _START_SECONDS, description)
    except TimeoutError as error:
        _save_logs(container, log)
        raise StackUnavailable(f"{error}\n{tail(log)}") from None
    if not _is_running(container):
        _save_logs(container, log)
        raise StackUnavailable(f"the container ended during its start\n{tail(log)}")


def _is_running(container: Any) -> bool:
    wrapped = container.get_wrapped_container()
    wrapped.reload()
    return wrapped.status in {"created", "running"}


def _save_logs(container: Any, log: Path) -> None:
    """Save the log of a container. A container that was never created has none."""
    try:
        output = container.get_wrapped_container().logs()
    except Exception:  # a missing log must not prevent the removal of the container
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_bytes(output)
