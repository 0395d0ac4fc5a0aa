"""Fixtures of the fault scenarios: the form, the way of delivery, servers to break, a scene, and the table in the end.

REPRISE_FAULTS=long      the long form: more kills, longer outages, every scenario in both ways of delivery
REPRISE_FAULTS_SEED=N    the seed of every scenario, as a failure told it
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
from reprise.errors import UsageError
from reprise.settings import load
from tests.faults.proxy import Proxy
from tests.faults.report import lines
from tests.faults.scenario import OpenScene, Outcome, open_scene
from tests.faults.servers import Broker, RedisServer

#: Where logs of failed scenarios stay; ignored by git. The newest runs are kept.
_LOGS: Final = STATE_DIRECTORY / "faults"
_KEPT_RUNS: Final = 5

#: Seconds for one scenario, in its short and in its long form.
_SHORT_TIMEOUT: Final = 240
_LONG_TIMEOUT: Final = 3_600

_OUTCOMES: Final = pytest.StashKey[list[Outcome]]()


def _is_long() -> bool:
    return os.environ.get("REPRISE_FAULTS") == "long"


def _knows_transactions() -> bool:
    try:
        load({"REPRISE_DELIVERY": "transactional"})
    except UsageError:
        return False
    return True


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_OUTCOMES] = []
    config.addinivalue_line("markers", "transactional: is run in both ways of delivery in its short form too")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "scene" in getattr(item, "fixturenames", ()) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_LONG_TIMEOUT if _is_long() else _SHORT_TIMEOUT))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "delivery" in metafunc.fixturenames:
        both = _is_long() or any(metafunc.definition.iter_markers("transactional"))
        metafunc.parametrize("delivery", ["at_least_once", *(["transactional"] if both else [])])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    outcomes = config.stash[_OUTCOMES]
    for line in lines(outcomes):
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def long_form() -> bool:
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
def homes() -> Iterator[Path]:
    """Give a folder for servers' data."""
    with tempfile.TemporaryDirectory(prefix="reprise-faults-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="session")
def kafka(run_logs: Path, homes: Path) -> Iterator[str]:
    """Give the broker of the scenarios that do not break it."""
    broker = Broker(home=homes / "shared", log=run_logs / "kafka.log")
    try:
        broker.start()
        yield broker.address
    finally:
        broker.close()


@pytest.fixture(scope="module")
def broker_proxy() -> Iterator[Proxy]:
    """Give the proxy before `broker`, through which workers may reach it."""
    proxy = Proxy(target=free_port())
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture(scope="module")
def broker(run_logs: Path, homes: Path, broker_proxy: Proxy) -> Iterator[Broker]:
    """Give a broker to break, already up; whoever ends it starts it again.

    Beside the harness's listener there are PROXIED, which tells the proxy's address, and SECURED, where the user
    `worker` logs in with the password of the same word; the harness may do anything, and who logs in only what an ACL
    allows.
    """
    made = Broker(
        home=homes / "broken",
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
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def redis_server(logs: Path, homes: Path) -> Iterator[RedisServer]:
    """Give a Redis to break, already up."""
    server = RedisServer(directory=Path(tempfile.mkdtemp(dir=homes)) / "redis")
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def scene(request: pytest.FixtureRequest, delivery: str, seed: int, logs: Path) -> OpenScene:
    """Give the opener of this test's scenario; see scene.py for what is left to say."""
    if delivery == "transactional" and not _knows_transactions():
        pytest.skip("this version has no transactional delivery")
    told = [value for name, value in request.node.callspec.params.items() if name != "delivery"]
    return partial(
        open_scene,
        ": ".join([request.node.originalname.removeprefix("test_").replace("_", " "), *map(str, told)]),
        delivery=delivery,
        seed=seed,
        logs=logs,
        told=request.config.stash[_OUTCOMES].append,
    )
