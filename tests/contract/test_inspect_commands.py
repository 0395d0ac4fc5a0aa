"""`reprise stats` and `reprise story` on a real Redis: what they print of an index, and how they end."""

import json
import time
from collections.abc import Iterator

import pytest
import redis

from reprise import cli
from reprise.index.redis.index import parameters
from reprise.index.redis.keys import meta_key
from tests.contract.stories import index_on, stream, told
from tests.contract.streams import RULE

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=5.0) as found:
        yield found


class Reprise:
    """The command in this process: its exit code, what it printed, and the last line that it told."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = cli.main(list(arguments))
        printed = self._capsys.readouterr()
        return code, printed.out, (printed.err.splitlines() or [""])[-1]


@pytest.fixture
def reprise(
    redis_url: str, namespace: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Reprise:
    monkeypatch.setenv("REPRISE_REDIS_URL", redis_url)
    monkeypatch.setenv("REPRISE_NAMESPACE", namespace)
    monkeypatch.setenv("REPRISE_WINDOW_SECONDS", "60")
    return Reprise(capsys)


def now_ms() -> int:
    return round(time.time() * 1000)


def test_stats_prints_what_is_there(client: redis.Redis, namespace: str, reprise: Reprise) -> None:
    """For people a line each, for programs one object; no index is exit code 1."""
    code, out, last = reprise("stats")
    assert (code, out) == (1, "")
    assert last.startswith(f"reprise: namespace '{namespace}' holds no index; ")
    told(index_on(client), namespace, stream(4), now_ms())
    code, out, _ = reprise("stats", "--json")
    found = json.loads(out)
    assert (code, found["namespace"], found["generation"]) == (0, namespace, None)
    assert (found["representatives"], found["founders"], found["articles"]) == (8, 4, 12)
    assert found["parameters"] == parameters(RULE)
    code, out, _ = reprise("stats")
    assert code == 0
    assert "\nrepresentatives  8, 4 of them founders of their story; 8 were ever added\n" in out


def test_story_prints_its_representatives(client: redis.Redis, namespace: str, reprise: Reprise) -> None:
    """By its own id, and by the id of any of its articles."""
    decisions = told(index_on(client), namespace, stream(2), now_ms())
    story = decisions["founder-1"].story_id
    code, out, _ = reprise("story", story, "--json")
    found = json.loads(out)
    assert (code, found["story_id"], found["decision"]) == (0, story, None)
    assert [(each["article_id"], each["founder"]) for each in found["representatives"]] == [
        ("longer-1", False),
        ("founder-1", True),
    ]
    code, out, _ = reprise("story", "--article", "copy-1")
    first, heading, *lines = out.splitlines()
    assert code == 0
    assert first.endswith(f": story.variant, exact of story {story}")
    assert heading.startswith("last seen ")
    assert [line.split()[4:] for line in lines] == [["longer-1"], ["founder-1", "(founder)"]]


def test_story_says_what_it_does_not_find(client: redis.Redis, namespace: str, reprise: Reprise) -> None:
    """One line and exit code 1 for a story or an article that is not there, 2 for what is no story id."""
    told(index_on(client), namespace, stream(1), now_ms())
    code, out, last = reprise("story", "0" * 32)
    assert (code, out) == (1, "")
    assert last == f"reprise: namespace '{namespace}' holds no living representative of story {'0' * 32}"
    code, out, last = reprise("story", "--article", "nobody")
    assert (code, out) == (1, "")
    assert "no decision on record for article 'nobody'" in last
    code, out, last = reprise("story", "nobody")
    assert (code, out) == (2, "")
    assert "--article" in last


def test_a_walk_ends_in_time(client: redis.Redis, namespace: str, reprise: Reprise) -> None:
    """Where time runs out, what was found is printed, and a line with exit code 1 says how far that was."""
    decisions = told(index_on(client), namespace, stream(1), now_ms())
    client.hset(meta_key(namespace), "number", 1_000_000)
    code, out, last = reprise("story", decisions["founder-0"].story_id, "--timeout-seconds", "0.000001", "--json")
    assert (code, json.loads(out)["representatives"]) == (1, [])
    assert last.startswith("reprise: looked at the newest 1,000 of 1,000,000 representatives in 1e-06 s")
