"""`reprise stats` and `reprise story` on a real Redis: their output and exit codes."""

import json
import time
from collections.abc import Iterator

import pytest
import redis

from reprise import cli
from reprise.index.redis.keys import meta_key
from reprise.index.redis.namespaces import parameters
from tests.contract.indexed_stories import decide_by_id, make_index, make_stories
from tests.contract.texts import RULE

pytestmark = pytest.mark.redis


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, socket_timeout=5.0) as client:
        yield client


class Reprise:
    """Run the command in this process; return its exit code, its output and the last line of standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = cli.main(list(arguments))
        captured = self._capsys.readouterr()
        return code, captured.out, (captured.err.splitlines() or [""])[-1]


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


def test_stats_prints_the_counts_of_an_index(client: redis.Redis, namespace: str, reprise: Reprise) -> None:
    """The table and --json show the same counts; a namespace without an index is exit code 1."""
    code, out, last = reprise("stats")
    assert (code, out) == (1, "")
    assert last.startswith(f"reprise: namespace '{namespace}' holds no index; ")
    decide_by_id(make_index(client), namespace, make_stories(4), now_ms())
    code, out, _ = reprise("stats", "--json")
    printed = json.loads(out)
    assert (code, printed["namespace"], printed["generation"]) == (0, namespace, None)
    assert (printed["representatives"], printed["founders"], printed["articles"]) == (8, 4, 12)
    assert printed["parameters"] == parameters(RULE)
    code, out, _ = reprise("stats")
    assert code == 0
    assert "\nrepresentatives  8, 4 of them founders of their story; 8 added in total\n" in out


def test_story_lists_representatives(client: redis.Redis, namespace: str, reprise: Reprise) -> None:
    """A story is found by its own id and by the id of any of its articles."""
    decisions = decide_by_id(make_index(client), namespace, make_stories(2), now_ms())
    story = decisions["founder-1"].story_id
    code, out, _ = reprise("story", story, "--json")
    printed = json.loads(out)
    assert (code, printed["story_id"], printed["decision"]) == (0, story, None)
    assert [(stored["article_id"], stored["founder"]) for stored in printed["representatives"]] == [
        ("longer-1", False),
        ("founder-1", True),
    ]
    code, out, _ = reprise("story", "--article", "copy-1")
    first, heading, *lines = out.splitlines()
    assert code == 0
    assert first.endswith(f": story.variant, exact of story {story}")
    assert heading.startswith("last seen ")
    assert [line.split()[4:] for line in lines] == [["longer-1"], ["founder-1", "(founder)"]]


def test_story_reports_an_unknown_id(client: redis.Redis, namespace: str, reprise: Reprise) -> None:
    """An unknown story or article is one line and exit code 1; an invalid story id is exit code 2."""
    decide_by_id(make_index(client), namespace, make_stories(1), now_ms())
    code, out, last = reprise("story", "0" * 32)
    assert (code, out) == (1, "")
    assert last == f"reprise: namespace '{namespace}' holds no representative of story {'0' * 32}"
    code, out, last = reprise("story", "--article", "unknown")
    assert (code, out) == (1, "")
    assert "no decision for article 'unknown'" in last
    code, out, last = reprise("story", "unknown")
    assert (code, out) == (2, "")
    assert "--article" in last


def test_story_stops_at_its_timeout(client: redis.Redis, namespace: str, reprise: Reprise) -> None:
    """After the timeout the command prints what it has found, and exits with 1 and a line that says how far it got."""
    decisions = decide_by_id(make_index(client), namespace, make_stories(1), now_ms())
    client.hset(meta_key(namespace), "number", 1_000_000)
    code, out, last = reprise("story", decisions["founder-0"].story_id, "--timeout-seconds", "0.000001", "--json")
    assert (code, json.loads(out)["representatives"]) == (1, [])
    assert last.startswith("reprise: searched the newest 1,000 of 1,000,000 representatives in 1e-06 s")
