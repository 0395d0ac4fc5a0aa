"""Fixtures of the deployment tests. `--renew-golden` writes the golden renders instead of comparing with them."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar
from uuid import uuid4

import pytest

from tests.deploy import engine as engines
from tests.deploy import tools
from tests.deploy.chart import Helm
from tests.support import unavailable

T = TypeVar("T")

_SIZE: Final = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-golden", action="store_true", help="write the golden renders of the chart")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            # The first test that needs a tool builds it.
            item.add_marker(pytest.mark.timeout(1800))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if _SIZE in config.stash:
        terminalreporter.write_line(f"image: {config.stash[_SIZE]}")


def _require(get: Callable[[], T]) -> T:
    try:
        return get()
    except tools.ToolMissing as error:
        unavailable("deploy", str(error))


@pytest.fixture(scope="session")
def helm() -> Helm:
    return Helm(program=_require(lambda: tools.tool(tools.HELM)), kubernetes=tools.KUBERNETES)


@pytest.fixture(scope="session")
def asyncapi_schema() -> Mapping[str, Any]:
    return _require(tools.asyncapi_schema)


@pytest.fixture(scope="session")
def kubeconform() -> Path:
    return _require(lambda: tools.tool(tools.KUBECONFORM))


@pytest.fixture(scope="session")
def schemas() -> Path:
    return _require(tools.schema_folder)


@pytest.fixture(scope="session")
def crds() -> list[Path]:
    return list(_require(tools.crd_files))


@pytest.fixture(scope="session")
def engine() -> engines.Engine:
    return _require(engines.find_engine)


@pytest.fixture(scope="session")
def image(engine: engines.Engine, request: pytest.FixtureRequest) -> Iterator[str]:
    """Build the worker's image once, under a unique name."""
    tag = f"localhost/reprise-test:{uuid4().hex[:8]}"
    engine.build(tag)
    request.config.stash[_SIZE] = engines.size_report(engine, tag)
    yield tag
    engine.attempt("rmi", tag)
