"""Fixtures of the end-to-end tests."""

from collections.abc import Iterator

import pytest

from tests.e2e.sandbox import Sandbox, open_sandbox


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    """Yield a sandbox of one test, with an input topic of one partition."""
    with open_sandbox(kafka_bootstrap_servers, redis_url) as sandbox:
        yield sandbox
