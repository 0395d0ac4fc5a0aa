"""Fixtures of the fault scenarios: delivery mode, servers to break, the scenario, and the table at the end.

REPRISE_FAULTS=long      more kills, longer outages, every scenario in both delivery modes
REPRISE_FAULTS_SEED=N    the seed of every scenario, from the message of a failure
"""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.stack import free_port
from deploy.local.stack.kafka_jvm import Listener
from deploy.local.stack.selection import STATE_DIRECTORY
from tests.faults.breakable_servers import BreakableBroker, BreakableRedis
from tests.faults.proxy import Proxy
from tests.faults.report import table_lines
from tests.faults.scenario import ScenarioOpener, ScenarioResult, open_scenario

#: Directory of the logs of failed scenarios, which git ignores, and the number of runs to keep.
_LOGS: Final = STATE_DIRECTORY / "faults"
_KEPT_RUNS: Final = 5

#: Timeout of a scenario in seconds, in its short and in its long form.
_SHORT_TIMEOUT: Final = 240
_LONG_TIMEOUT: Final = 3_600

#: Files that take half of the time. They run first, so that two worker processes of pytest-xdist end together.
_SLOW_FILES: Final = frozenset({"test_kafka.py", "test_workers.py"})

_RESULTS: Final = pytest.StashKey[list[ScenarioResult]]()


def _is_long() -> bool:
    return os.environ.get("REPRISE_FAULTS") == "long"


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RESULTS] = []
    config.addinivalue_line("markers", "transactional: runs in both delivery modes in its short form, too")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in _SLOW_FILES)
    for item in items:
        if "scenario" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_LONG_TIMEOUT if _is_long() else _SHORT_TIMEOUT))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "delivery" in metafunc.fixturenames:
        both = _is_long() or any(metafunc.definition.iter_markers("transactional"))
        metafunc.parametrize("delivery", ["at_least_once", *(["transactional"] if both else [])])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    results = config.stash[_RESULTS]
    for line in table_lines(results):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def is_long() -> bool:
    return _is_long()


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("REPRISE_FAULTS_SEED") or random.SystemRandom().randrange(1_000_000))


@pytest.fixture(scope="session")
def run_logs() -> Path:
    for old in sorted(_LOGS.iterdir())[:-_KEPT_RUNS] if _LOGS.is_dir() else []:
        shutil.rmtree(old, ignore_errors=True)
    return _LOGS / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"


@pytest.fixture
def logs(run_logs: Path, request: pytest.FixtureRequest) -> Path:
    name: str = request.node.name
    return run_logs / name


@pytest.fixture(scope="session")
def server_directories() -> Iterator[Path]:
    """Yield a directory for the data of servers."""
    with tempfile.TemporaryDirectory(prefix="reprise-faults-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def kafka(run_logs: Path, server_directories: Path) -> Iterator[str]:
    """Yield the address of a broker that no scenario breaks."""
    broker = BreakableBroker(directory=server_directories / "shared", log=run_logs / "kafka.log")
    try:
        broker.start()
        yield broker.address
    finally:
        broker.close()


@pytest.fixture(scope="module")
def broker_proxy() -> Iterator[Proxy]:
    """Yield the proxy in front of `broker`."""
    proxy = Proxy(target=free_port())
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture(scope="module")
def broker(run_logs: Path, server_directories: Path, broker_proxy: Proxy) -> Iterator[BreakableBroker]:
    """Yield a running broker for the scenarios that break it. A scenario that stops it starts it again.

    The listener PROXIED advertises the address of the proxy. At the listener SECURED the user `worker` logs in with the
    password `worker` and has the rights that ACLs grant. Clients of the test have all rights.
    """
    broker = BreakableBroker(
        directory=server_directories / "broken",
        log=run_logs / "broken-kafka.log",
        listeners=[
            Listener(name="PROXIED", protocol="PLAINTEXT", port=broker_proxy.target),
            Listener(name="SECURED", protocol="SASL_PLAINTEXT", port=free_port()),
        ],
        advertised={"PROXIED": broker_proxy.port},
        changes={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "listener.name.secured.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.secured.plain.sasl.jaas.config": (
                'org.apache.kafka.common.security.plain.PlainLoginModule required user_worker="worker";'
            ),
        },
    )
    try:
        broker.start()
        yield broker
    finally:
        broker.close()


@pytest.fixture
def redis_server(server_directories: Path) -> Iterator[BreakableRedis]:
    """Yield a running Redis for one scenario that breaks it."""
    server = BreakableRedis(directory=Path(tempfile.mkdtemp(dir=server_directories)) / "redis")
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def scenario(request: pytest.FixtureRequest, delivery: str, seed: int, logs: Path) -> ScenarioOpener:
    """Return `open_scenario` with the arguments of this test."""
    parameters = [value for name, value in request.node.callspec.params.items() if name != "delivery"]
    return partial(
        open_scenario,
        ": ".join([request.node.originalname.removeprefix("test_").replace("_", " "), *map(str, parameters)]),
        delivery=delivery,
        seed=seed,
        logs=logs,
        report=request.config.stash[_RESULTS].append,
    )
