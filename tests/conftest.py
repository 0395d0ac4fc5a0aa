"""Fixtures for every test: a real stack, started when first asked for; names of a test's own; the data where it lies.

stack, kafka_bootstrap_servers, redis_url      servers of this test run
shared_cluster                                 a Redis Cluster of this test run, which no test breaks
namespace, topic_names                         names of this test
shared_dir, seeds, spotsigs_dev                files that are read where they lie (REPRISE_SHARED)
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from deploy.local.stack import Stack, StackService, StackUnavailable, exit_on_signals, open_kafka, open_redis
from tests.cluster.servers import RedisCluster, redis_cluster
from tests.support import Session, TopicNames, unavailable

_TOP: Final = Path(__file__).parent.parent
_SESSION: Final = pytest.StashKey[Session]()
_SIGNALS: Final = pytest.StashKey[ExitStack]()


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell ignores SIGINT in its background jobs and every child inherits that. Tests send SIGINT to children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[_SESSION] = Session()
    config.stash[_SIGNALS] = signals = ExitStack()
    signals.enter_context(exit_on_signals())  # so that a SIGTERM tears the session's servers down too


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_SIGNALS].close()


def pytest_report_header(config: pytest.Config) -> str:
    return config.stash[_SESSION].header()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    session = config.stash[_SESSION]
    for line in session.said:
        terminalreporter.write_line(f"stack: {line}")
    for what, service in session.started.items():
        terminalreporter.write_line(f"stack: {what} was {service}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for marker, needed in (
            ("stack", {"stack", "kafka_bootstrap_servers"}),
            ("redis", {"redis_url", "shared_cluster"}),
            ("data", {"seeds", "spotsigs_dev", "shared_dir"}),
        ):
            if needed.intersection(fixtures):
                item.add_marker(marker)


@pytest.fixture(scope="session")
def _kafka(request: pytest.FixtureRequest) -> Iterator[StackService]:
    session = request.config.stash[_SESSION]
    with ExitStack() as stack:
        try:
            service = stack.enter_context(open_kafka(session.plan()))
        except StackUnavailable as error:
            unavailable("stack", f"no Kafka: {error}")
        session.started["Kafka"] = f"{service.kind} ({service.product})"
        yield service


@pytest.fixture(scope="session")
def _redis(request: pytest.FixtureRequest) -> Iterator[StackService]:
    session = request.config.stash[_SESSION]
    with ExitStack() as stack:
        try:
            service = stack.enter_context(open_redis(session.plan()))
        except StackUnavailable as error:
            unavailable("stack", f"no Redis: {error}")
        session.started["Redis"] = f"{service.kind} ({service.product})"
        yield service


@pytest.fixture(scope="session")
def stack(_kafka: StackService, _redis: StackService) -> Stack:
    return Stack(kafka=_kafka, redis=_redis)


@pytest.fixture(scope="session")
def kafka_bootstrap_servers(_kafka: StackService) -> str:
    return _kafka.address


@pytest.fixture(scope="session")
def redis_url(_redis: StackService) -> str:
    return _redis.address


@pytest.fixture(scope="session")
def shared_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisCluster]:
    with redis_cluster(tmp_path_factory.mktemp("redis-cluster")) as cluster:
        yield cluster


@pytest.fixture
def namespace() -> str:
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def topic_names(namespace: str) -> TopicNames:
    return TopicNames.of(namespace)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    folder = Path(os.environ.get("REPRISE_SHARED") or _TOP.parent / "shared")
    if not folder.is_dir():
        unavailable("data", f"no data: {folder} is not a folder (REPRISE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def seeds(shared_dir: Path) -> list[Path]:
    """Give the five seed articles, in the order of their numbers."""
    found = sorted((shared_dir / "seeds").glob("*.txt"))
    if len(found) != 5:
        unavailable("data", f"{shared_dir / 'seeds'} holds {len(found)} seeds of 5")
    return found


@pytest.fixture(scope="session")
def spotsigs_dev(shared_dir: Path) -> Path:
    """Give the development half of SpotSigs, a JSON article a line with its `story`."""
    found = shared_dir / "eval" / "spotsigs-dev.jsonl.gz"
    if not found.is_file():
        unavailable("data", f"{found} is not there")
    return found
