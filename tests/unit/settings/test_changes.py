"""The settings that differ from their defaults, and the hash of all settings."""

import pytest

from reprise.settings import changed_settings, load, settings_hash

SECRETS = {
    "REPRISE_REDIS_URL": "redis://user:hunter2@redis:6380/1?password=hunter2",
    "REPRISE_REDIS_PASSWORD": "hunter2",
}


def test_defaults_are_no_changes() -> None:
    """A value that equals its default is left out, also if a variable sets it."""
    assert changed_settings(load({})) == {}
    assert changed_settings(load({"REPRISE_WINDOW_SECONDS": "604800", "REPRISE_LOG_LEVEL": "info"})) == {}


def test_changes_are_listed_by_variable() -> None:
    """Values have the form of JSON, so that a line of the log can hold them."""
    changed = {
        "REPRISE_KAFKA_GROUP_ID": "news",
        "REPRISE_DELIVERY": "transactional",
        "REPRISE_WINDOW_SECONDS": "3600",
        "REPRISE_REDIS_CLUSTER": "true",
    }
    assert changed_settings(load(changed)) == {
        "REPRISE_KAFKA_GROUP_ID": "news",
        "REPRISE_DELIVERY": "transactional",
        "REPRISE_WINDOW_SECONDS": 3600.0,
        "REPRISE_REDIS_CLUSTER": True,
    }


def test_secrets_are_masked() -> None:
    """A URL keeps its host, port and path."""
    shown = changed_settings(load(SECRETS))
    assert shown == {"REPRISE_REDIS_URL": "redis://********@redis:6380/1", "REPRISE_REDIS_PASSWORD": "********"}
    assert changed_settings(load({"REPRISE_REDIS_URL": "unix:///run/redis.sock"})) == {
        "REPRISE_REDIS_URL": "unix:///run/redis.sock"
    }


@pytest.mark.parametrize(
    ("variable", "value", "differs"),
    [
        ("REPRISE_WINDOW_SECONDS", "3600", True),
        ("REPRISE_REDIS_URL", "redis://other:6379/0", True),
        ("REPRISE_REDIS_URL", "redis://u:p@redis:6380/1", False),
        ("REPRISE_REDIS_PASSWORD", "other", False),
        ("REPRISE_KAFKA_GROUP_INSTANCE_ID", "reprise-1", False),
    ],
)
def test_the_hash_follows_the_shared_settings(variable: str, value: str, differs: bool) -> None:
    """It depends neither on passwords, which it could reveal, nor on the name of a static member."""
    assert (settings_hash(load({**SECRETS, variable: value})) != settings_hash(load(SECRETS))) is differs


def test_the_hash_does_not_depend_on_the_spelling() -> None:
    """Equal values have the same hash in every process."""
    assert settings_hash(load({"REPRISE_WINDOW_SECONDS": "3600"})) == settings_hash(
        load({"REPRISE_WINDOW_SECONDS": "3600.0"})
    )
    assert len(settings_hash(load({}))) == 12
