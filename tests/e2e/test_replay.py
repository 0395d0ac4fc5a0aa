"""`reprise replay` on the five real pages."""

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
from reprise.messages.events import schema
from reprise.replay.embedded_valkey import embedded_valkey
from reprise.settings import load
from tests.e2e.support_e2e import SEED_STORIES, seed_articles, stories
from tests.support import reprise_command, worker_environment


def checked(lines: bytes) -> list[dict[str, Any]]:
    bodies = [json.loads(line) for line in lines.splitlines()]
    for body in bodies:
        Draft202012Validator(schema()).validate(body)
    return bodies


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    with embedded_valkey() as url:
        yield url


@pytest.mark.parametrize("with_source", [True, False], ids=["with source", "without source"])
def test_the_seeds_are_two_stories_in_all_120_orders(
    with_source: bool, seeds: list[Path], store: str, tmp_path: Path
) -> None:
    """Each order is replayed into a namespace of its own: the same two stories, one event a page, in its order."""
    files = []
    for page in seed_articles(seeds, with_source=with_source):
        path = tmp_path / f"{json.loads(page)['id']}.jsonl"
        path.write_bytes(page + b"\n")
        files.append(str(path))
    wrong = {}
    for order in permutations(files):
        names = "-".join(Path(name).stem for name in order)
        settings = load(
            {
                "REPRISE_REDIS_URL": store,
                "REPRISE_NAMESPACE": f"{names}-{with_source}",
                "REPRISE_EXPECTED_ARTICLES": "1000",
            }
        )
        events = io.BytesIO()
        assert replay_files(settings, order, events, None)
        bodies = checked(events.getvalue())
        assert "-".join(body["article"]["id"] for body in bodies) == names
        if stories(bodies) != SEED_STORIES:
            wrong[names] = stories(bodies)
    assert wrong == {}


def test_the_command_reads_packed_files_and_standard_input(seeds: list[Path], tmp_path: Path) -> None:
    """Three pages in a .gz file and two on standard input come out as five events of the same two stories."""
    pages = seed_articles(seeds, with_source=True)
    packed, output = tmp_path / "pages.jsonl.gz", tmp_path / "events.jsonl"
    packed.write_bytes(gzip.compress(b"\n".join(pages[:3])))
    done = subprocess.run(
        [*reprise_command(), "replay", str(packed), "-", "--output", str(output)],
        input=b"\n".join(pages[3:]),
        env=worker_environment({}),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    bodies = checked(output.read_bytes())
    assert [body["article"]["id"] for body in bodies] == ["000", "001", "002", "003", "004"]
    assert stories(bodies) == SEED_STORIES
