"""Workers with different thresholds on one namespace, over a real Redis: those that the index stores hold for all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import redis
from structlog.testing import capture_logs

from reprise.bootstrap import open_index as open_worker_index
from reprise.dedup.rule import Rule
from reprise.errors import IndexMismatch
from reprise.index.redis.client import connect
from reprise.index.redis.index import RedisIndex
from reprise.index.redis.keys import meta_key
from reprise.model import EventType
from reprise.settings import load
from tests.contract.conftest import RETENTION
from tests.contract.texts import RULE, edit_words, make_fingerprint, make_text

pytestmark = pytest.mark.redis

#: A rule by which no article matches another one, unless their texts are equal.
STRICT = replace(RULE, copied_hashes=1_000, short_hashes=1_000, near_similarity=1.0, bucket_entries=2)

T0 = 1_700_000_000_000


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def open_index(client: redis.Redis, rule: Rule = RULE) -> RedisIndex:
    return RedisIndex(client, rule=rule, retention=RETENTION, expected_articles=300)


def test_all_workers_decide_by_the_thresholds_of_the_first(client: redis.Redis) -> None:
    """A later worker with other settings decides as the first one."""
    namespace = f"n{uuid4().hex}"
    first, second = open_index(client), open_index(client, STRICT)
    (founder,) = first.decide(namespace, [make_fingerprint("a", make_text(1, 2, 3))], T0)
    (variant,) = second.decide(namespace, [make_fingerprint("b", edit_words(make_text(1, 2, 3), 4))], T0)
    assert (variant.type, variant.story_id) == (EventType.VARIANT, founder.story_id)
    assert second.rule_of(namespace) == RULE


def test_the_documented_command_changes_the_thresholds(client: redis.Redis) -> None:
    """Without the field, the next worker that starts stores its own, and a running worker follows."""
    namespace = f"n{uuid4().hex}"
    running = open_index(client)
    running.decide(namespace, [make_fingerprint("a", make_text(1, 2, 3))], T0)
    client.hdel(meta_key(namespace), "rule")
    open_index(client, STRICT).prepare(namespace)
    (decision,) = running.decide(namespace, [make_fingerprint("b", edit_words(make_text(1, 2, 3), 4))], T0)
    assert decision.type is EventType.NEW
    assert running.rule_of(namespace) == STRICT


def test_a_new_version_adds_its_thresholds(client: redis.Redis) -> None:
    """A threshold that the index does not store is that of the first worker which knows it; unknown ones stay."""
    namespace = f"n{uuid4().hex}"
    open_index(client).prepare(namespace)
    client.hset(meta_key(namespace), "rule", "copied_share=0.5 of_a_later_version=7")
    first, second = open_index(client, STRICT), open_index(client)
    for index in (first, second):
        index.prepare(namespace)
        assert index.rule_of(namespace) == replace(STRICT, copied_share=0.5)
    assert b"of_a_later_version=7" in (client.hget(meta_key(namespace), "rule") or b"")


def test_equal_thresholds_leave_the_id_of_the_index(client: redis.Redis) -> None:
    """A worker that starts with the same or with other settings does not disturb the others."""
    namespace = f"n{uuid4().hex}"
    open_index(client).prepare(namespace)
    index_id = client.hget(meta_key(namespace), "id")
    for rule in (RULE, STRICT):
        open_index(client, rule).prepare(namespace)
    assert client.hget(meta_key(namespace), "id") == index_id


@pytest.mark.parametrize("edited", ["copied_share=a_lot", "bucket_entries=2.5"])
def test_an_unreadable_threshold_is_an_error(client: redis.Redis, edited: str) -> None:
    """The error names the field to remove."""
    namespace = f"n{uuid4().hex}"
    open_index(client).prepare(namespace)
    client.hset(meta_key(namespace), "rule", edited)
    with pytest.raises(IndexMismatch, match="`rule` of the namespace's key with HDEL"):
        open_index(client).prepare(namespace)


def open_and_capture(environment: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    """Open an index as a worker does, and return its log lines."""
    settings = load(environment)
    with capture_logs() as lines:
        open_worker_index(settings, connect(settings.redis)).close()
    return lines


def test_a_worker_logs_its_settings_without_effect(redis_url: str) -> None:
    """The line names the settings, their values and the stored ones. Without a difference there is no line."""
    variables = {
        "REPRISE_REDIS_URL": redis_url,
        "REPRISE_NAMESPACE": f"n{uuid4().hex}",
        "REPRISE_REDIS_ALLOW_EVICTION": "true",
    }
    others = variables | {"REPRISE_RULE_COPIED_SHARE": "0.2", "REPRISE_RULE_NOVEL": "0.8"}
    open_and_capture(variables)
    assert open_and_capture(variables) == []
    (line,) = open_and_capture(others)
    assert (line["event"], line["log_level"]) == ("stored_rule_kept", "warning")
    assert line["thresholds"] == {
        "REPRISE_RULE_COPIED_SHARE": {"own": 0.2, "stored": RULE.copied_share},
        "REPRISE_RULE_NOVEL": {"own": 0.8, "stored": RULE.index_below_similarity},
    }
