"""`reprise replay` with the five seed articles."""

import gzip
import io
import json
import subprocess
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from reprise.commands.replay import replay_files
from reprise.messages.events import merge_schema, schema
from reprise.model import EventType
from reprise.replay.embedded_valkey import embedded_valkey
from reprise.settings import load
from tests.e2e.articles import SEED_STORIES, article_ids_by_story, merging_articles, seed_articles
from tests.support import reprise_command, worker_environment


def validate(lines: bytes) -> list[dict[str, Any]]:
    bodies = [json.loads(line) for line in lines.splitlines()]
    for body in bodies:
        Draft202012Validator(merge_schema() if body["type"] == EventType.MERGED else schema()).validate(body)
    return bodies


@pytest.fixture(scope="module")
def valkey_url() -> Iterator[str]:
    with embedded_valkey() as url:
        yield url


@pytest.mark.parametrize("with_source", [True, False], ids=["with source", "without source"])
def test_the_seeds_are_two_stories_in_all_120_orders(
    with_source: bool, seeds: list[Path], valkey_url: str, tmp_path: Path
) -> None:
    """Each order gives the same two stories and one event for each page, in its order."""
    files = []
    for page in seed_articles(seeds, with_source=with_source):
        path = tmp_path / f"{json.loads(page)['id']}.jsonl"
        path.write_bytes(page + b"\n")
        files.append(str(path))
    failures = {}
    for order in permutations(files):
        names = "-".join(Path(name).stem for name in order)
        settings = load(
            {
                "REPRISE_REDIS_URL": valkey_url,
                "REPRISE_NAMESPACE": f"{names}-{with_source}",
                "REPRISE_EXPECTED_ARTICLES": "1000",
            }
        )
        events = io.BytesIO()
        assert replay_files(settings, order, events, None)
        bodies = validate(events.getvalue())
        assert "-".join(body["article"]["id"] for body in bodies) == names
        if article_ids_by_story(bodies) != SEED_STORIES:
            failures[names] = article_ids_by_story(bodies)
    assert failures == {}


def test_a_merge_is_written_before_the_event_of_its_article(valkey_url: str, tmp_path: Path) -> None:
    """A second replay of the file repeats every line, merges included; its summary counts no merge again."""
    articles = tmp_path / "articles.jsonl"
    articles.write_bytes(b"\n".join(merging_articles()))
    runs = [
        subprocess.run(
            [*reprise_command(), "replay", str(articles), "--redis-url", valkey_url],
            env=worker_environment({"REPRISE_NAMESPACE": "merging", "REPRISE_EXPECTED_ARTICLES": "1000"}),
            capture_output=True,
            timeout=60,
            check=True,
        )
        for _ in range(2)
    ]
    bodies = validate(runs[0].stdout)
    assert [(body["type"], body["article"]["id"]) for body in bodies[8:]] == [
        ("story.merged", "bridge"),
        ("story.variant", "bridge"),
        ("story.variant", "copy"),
    ]
    merge = bodies[8]
    assert (merge["story_id"], merge["into"]) == (bodies[4]["story_id"], bodies[0]["story_id"])
    assert {body["story_id"] for body in bodies[9:]} == {merge["into"]}
    assert runs[1].stdout == runs[0].stdout
    assert b"1 merges" in runs[0].stderr
    assert b"merges" not in runs[1].stderr


def test_the_command_reads_compressed_files_and_standard_input(seeds: list[Path], tmp_path: Path) -> None:
    """Three pages in a .gz file and two on standard input become five events of two stories."""
    pages = seed_articles(seeds, with_source=True)
    compressed, output = tmp_path / "pages.jsonl.gz", tmp_path / "events.jsonl"
    compressed.write_bytes(gzip.compress(b"\n".join(pages[:3])))
    done = subprocess.run(
        [*reprise_command(), "replay", str(compressed), "-", "--output", str(output)],
        input=b"\n".join(pages[3:]),
        env=worker_environment({}),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    bodies = validate(output.read_bytes())
    assert [body["article"]["id"] for body in bodies] == ["000", "001", "002", "003", "004"]
    assert article_ids_by_story(bodies) == SEED_STORIES
