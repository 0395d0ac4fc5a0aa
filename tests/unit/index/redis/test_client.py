"""The address of the index's server, as logs show it."""

import pytest

from reprise.index.redis.client import location
from reprise.settings import load
from reprise.settings.groups import RedisSettings


def settings(**values: str) -> RedisSettings:
    return load({f"REPRISE_REDIS_{name.upper()}": value for name, value in values.items()}).redis


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("redis://user:hunter2@host/3", "host:6379"),
        ("rediss://host:6380", "host:6380"),
        ("unix://user:hunter2@/run/valkey.sock", "/run/valkey.sock"),
    ],
)
def test_the_location_is_the_url_without_its_secrets(url: str, place: str) -> None:
    """Logs and errors may say where the server is."""
    assert location(settings(url=url)) == place
