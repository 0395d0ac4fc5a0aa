"""Servers that run already, where the environment gives their address; they are used, never started or stopped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from deploy.local.stack.health_checks import kafka_answers, redis_version
from deploy.local.stack.processes import wait_until
from deploy.local.stack.types import Service, StackKind, StackUnavailable

#: Seconds for a server that should be up; one that is just starting gets a little.
_ANSWER_SECONDS: Final = 15.0

KAFKA_VARIABLE: Final = "REPRISE_KAFKA_BOOTSTRAP_SERVERS"
REDIS_VARIABLE: Final = "REPRISE_REDIS_URL"


@contextmanager
def given_kafka(bootstrap_servers: str) -> Iterator[Service]:
    """Give the broker as it is. Raises StackUnavailable where none answers there."""
    try:
        wait_until(
            lambda: kafka_answers(bootstrap_servers),
            _ANSWER_SECONDS,
            f"an answer of {KAFKA_VARIABLE}={bootstrap_servers}",
        )
    except TimeoutError as error:
        raise StackUnavailable(str(error)) from None
    yield Service(kind=StackKind.GIVEN, what="Kafka", address=bootstrap_servers)


@contextmanager
def given_redis(url: str) -> Iterator[Service]:
    """Give the server as it is. Raises StackUnavailable where none answers there."""
    try:
        version = wait_until(lambda: redis_version(url), _ANSWER_SECONDS, f"an answer of {REDIS_VARIABLE}")
    except TimeoutError as error:
        raise StackUnavailable(str(error)) from None
    yield Service(kind=StackKind.GIVEN, what=version or "Redis", address=url)
