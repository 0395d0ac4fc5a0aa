"""Use servers that already run, at addresses from the environment. They are never started or stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from deploy.local.stack.health_checks import is_kafka_up, redis_version
from deploy.local.stack.processes import wait_until
from deploy.local.stack.types import StackKind, StackService, StackUnavailable

#: seconds for a server to answer; long enough for one that is just starting
_ANSWER_SECONDS: Final = 15.0

KAFKA_VARIABLE: Final = "REPRISE_KAFKA_BOOTSTRAP_SERVERS"
REDIS_VARIABLE: Final = "REPRISE_REDIS_URL"


@contextmanager
def external_kafka(bootstrap_servers: str) -> Iterator[StackService]:
    """Yield a running Kafka. Raises StackUnavailable if no broker answers."""
    try:
        wait_until(
            lambda: is_kafka_up(bootstrap_servers),
            _ANSWER_SECONDS,
            f"an answer of {KAFKA_VARIABLE}={bootstrap_servers}",
        )
    except TimeoutError as error:
        raise StackUnavailable(str(error)) from None
    yield StackService(kind=StackKind.EXTERNAL, product="Kafka", address=bootstrap_servers)


@contextmanager
def external_redis(url: str) -> Iterator[StackService]:
    """Yield a running Redis. Raises StackUnavailable if no server answers."""
    try:
        version = wait_until(lambda: redis_version(url), _ANSWER_SECONDS, f"an answer of {REDIS_VARIABLE}")
    except TimeoutError as error:
        raise StackUnavailable(str(error)) from None
    yield StackService(kind=StackKind.EXTERNAL, product=version or "Redis", address=url)
