"""The checks of the Redis server at the start, with the embedded server."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from reprise.errors import Fatal, Unreachable
from reprise.index.redis.client import check_eviction, connect
from reprise.replay.embedded_valkey import embedded_valkey
from reprise.settings import load
from reprise.settings.groups import RedisSettings

pytestmark = pytest.mark.redis


def settings(**values: str) -> RedisSettings:
    return load({f"REPRISE_REDIS_{name.upper()}": value for name, value in values.items()}).redis


@pytest.fixture
def url() -> Iterator[str]:
    with embedded_valkey() as url:
        yield url


def test_a_server_that_keeps_everything_passes(url: str) -> None:
    """The embedded store is such a server."""
    client = connect(settings(url=url))
    check_eviction(client, settings(url=url))


def test_a_server_that_evicts_is_refused_unless_allowed(url: str) -> None:
    """A store that forgets stories when it is full says the wrong thing quietly; the setting is the only way past."""
    client = connect(settings(url=url))
    Redis.from_url(url).config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(Fatal, match=r"maxmemory-policy allkeys-lru.*noeviction.*REPRISE_REDIS_ALLOW_EVICTION"):
        check_eviction(client, settings(url=url))
    check_eviction(client, settings(url=url, allow_eviction="true"))


def test_a_wrong_password_is_no_outage(url: str) -> None:
    """Waiting does not cure it, so the start ends at once; the right one passes, in the URL or beside it."""
    Redis.from_url(url).config_set("requirepass", "hunter2")
    for wrong in (settings(url=url), settings(url=url, password="hunter3")):
        with pytest.raises(Fatal, match="refuses this worker") as caught:
            connect(wrong)
        assert "hunter" not in str(caught.value)
    assert connect(settings(url=url, password="hunter2")).ping()


@pytest.mark.parametrize("cluster", ["true", "false"])
def test_a_server_that_is_away_is_an_outage(cluster: str) -> None:
    """Port 1 is closed, so connecting raises Unreachable, which the start retries."""
    with pytest.raises(Unreachable):
        connect(settings(url="redis://localhost:1", cluster=cluster, timeout_seconds="0.5"))


def test_nothing_is_left_of_an_embedded_store() -> None:
    """Its directory, socket and process are gone with the context, also when it ends by an error."""
    seen: list[Any] = []

    def fail() -> None:
        with embedded_valkey() as url:
            seen[:] = url, Redis.from_url(url).info("server")["process_id"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    url, process = seen
    assert not Path(url.removeprefix("unix://")).parent.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
