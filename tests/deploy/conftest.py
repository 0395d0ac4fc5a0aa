"""Fixtures of the deployment's tests. `--renew-golden` writes the golden renders instead of comparing with them."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from tests.deploy import tools
from tests.deploy.chart import Helm
from tests.support import unavailable

T = TypeVar("T")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-golden", action="store_true", help="write the golden renders of the chart")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            # the first test that needs a tool builds it
            item.add_marker(pytest.mark.timeout(1800))


def _had(get: Callable[[], T]) -> T:
    try:
        return get()
    except tools.ToolMissing as error:
        unavailable("deploy", str(error))


@pytest.fixture(scope="session")
def helm() -> Helm:
    return Helm(program=_had(lambda: tools.tool(tools.HELM)), kubernetes=tools.KUBERNETES)


@pytest.fixture(scope="session")
def kubeconform() -> Path:
    return _had(lambda: tools.tool(tools.KUBECONFORM))


@pytest.fixture(scope="session")
def schemas() -> Path:
    return _had(tools.schema_folder)


@pytest.fixture(scope="session")
def crds() -> list[Path]:
    return list(_had(tools.crd_files))
