"""A Schema Registry of this test run."""

from collections.abc import Iterator

import pytest

from tests.apicurio import apicurio


@pytest.fixture(scope="package")
def registry_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with apicurio(tmp_path_factory.mktemp("apicurio")) as url:
        yield url
