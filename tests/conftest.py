"""Fixtures of all tests: servers, names that no other test uses, and the data files.

stack, kafka_bootstrap_servers, redis_url      servers of this test run, started by the first test that uses them
shared_cluster                                 a Redis Cluster of this test run; no test breaks it
namespace, topic_names                         names of one test
shared_dir, seeds, spotsigs_dev                data files, read in place (REPRISE_SHARED)

With pytest-xdist each worker process has servers of its own.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

from deploy.local.stack import Stack, StackService, StackUnavailable, exit_on_signals, open_kafka, open_redis
from tests.cluster.servers import RedisCluster, redis_cluster
from tests.support import REPOSITORY, StackSession, TopicNames, unavailable

# The time of an example depends on the other processes of the machine. Tests of time have bounds of their own.
hypothesis.settings.register_profile("reprise", deadline=None)
hypothesis.settings.load_profile("reprise")

_SESSION: Final = pytest.StashKey[StackSession]()
_SIGNALS: Final = pytest.StashKey[ExitStack]()

#: Key of the lines about the stack that a worker process of pytest-xdist sends to the main process.
_STACK_LINES: Final = "stack_lines"

#: Directories with servers of their own, which start once if one worker process runs all of their tests.
_ONE_PROCESS: Final = frozenset({"cluster", "security"})

#: Marker -> the fixtures that need its servers or data.
_MARKERS: Final = {
    "stack": {"stack", "kafka_bootstrap_servers"},
    "redis": {"redis_url", "shared_cluster"},
    "data": {"seeds", "spotsigs_dev", "shared_dir"},
}


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell ignores SIGINT in its background jobs and every child inherits that. Tests send SIGINT to children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[_SESSION] = StackSession()
    config.stash[_SIGNALS] = signals = ExitStack()
    signals.enter_context(exit_on_signals())  # so that the session's servers stop after SIGTERM and SIGHUP


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_SIGNALS].close()


def pytest_report_header(config: pytest.Config) -> str:
    return config.stash[_SESSION].header()


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)  # only in a worker process of pytest-xdist
    if output is not None:
        output[_STACK_LINES] = session.config.stash[_SESSION].lines


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    lines = getattr(node, "workeroutput", {}).get(_STACK_LINES, [])
    node.config.stash[_SESSION].lines += [f"{node.gateway.id}: {line}" for line in lines]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[_SESSION].lines:
        terminalreporter.write_line(f"stack: {line}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for marker, needed in _MARKERS.items():
            if needed.intersection(fixtures):
                item.add_marker(marker)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return _SharedServerScheduling(config, log)


class _SharedServerScheduling(LoadFileScheduling):  # type: ignore[misc]  # published without type information
    """A scheduler of pytest-xdist that runs the tests of a file, or of `_ONE_PROCESS`, in one worker process."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        directory = file.split("/")[1]
        return directory if directory in _ONE_PROCESS else file


@pytest.fixture(scope="session")
def _kafka(request: pytest.FixtureRequest) -> Iterator[StackService]:
    session = request.config.stash[_SESSION]
    with ExitStack() as stack:
        try:
            service = stack.enter_context(open_kafka(session.plan()))
        except StackUnavailable as error:
            unavailable("stack", f"no Kafka: {error}")
        session.lines.append(f"Kafka was {service.kind} ({service.product})")
        yield service


@pytest.fixture(scope="session")
def _redis(request: pytest.FixtureRequest) -> Iterator[StackService]:
    session = request.config.stash[_SESSION]
    with ExitStack() as stack:
        try:
            service = stack.enter_context(open_redis(session.plan()))
        except StackUnavailable as error:
            unavailable("stack", f"no Redis: {error}")
        session.lines.append(f"Redis was {service.kind} ({service.product})")
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
    directory = Path(os.environ.get("REPRISE_SHARED") or REPOSITORY.parent / "shared")
    if not directory.is_dir():
        unavailable("data", f"no data: {directory} is not a directory (REPRISE_SHARED)")
    return directory


@pytest.fixture(scope="session")
def seeds(shared_dir: Path) -> list[Path]:
    """Return the five seed articles in the order of their numbers."""
    files = sorted((shared_dir / "seeds").glob("*.txt"))
    if len(files) != 5:
        unavailable("data", f"{shared_dir / 'seeds'} has {len(files)} of 5 seed articles")
    return files


@pytest.fixture(scope="session")
def spotsigs_dev(shared_dir: Path) -> Path:
    """Return the development half of SpotSigs: a JSON article with its `story` on each line."""
    file = shared_dir / "eval" / "spotsigs-dev.jsonl.gz"
    if not file.is_file():
        unavailable("data", f"{file} does not exist")
    return file
