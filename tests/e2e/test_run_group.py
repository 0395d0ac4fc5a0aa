"""Two workers of one group that get copies of the same stories at the same time."""

import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.stack import wait_until
from tests.e2e.articles import article_json, change_words, made_up_text
from tests.e2e.sandbox import InputMessage, Sandbox, group_positions, open_sandbox, single_events
from tests.e2e.worker_state import READY_SECONDS, scrape, wait_counted, wait_delivered, wait_ready
from tests.support import running_worker

PARTITIONS = 4

#: Number of stories. Each has one copy in each partition, so that both workers announce stories all the time.
STORIES = 120


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url, PARTITIONS) as sandbox:
        yield sandbox


def story_copies(rng: random.Random) -> list[tuple[int, InputMessage]]:
    """Return a copy of each story for each partition, with the number of the story, in random order.

    Every second copy has three changed words. Each copy has a source of its own.
    """
    copies = []
    for story in range(STORIES):
        text = made_up_text(rng, 180)
        for number in range(PARTITIONS):
            copy = change_words(text, rng, 3 if number % 2 else 0)
            value = article_json(id=f"{story}-{number}", source=f"site-{number}.example", text=copy)
            copies.append((story, InputMessage(value=value, partition=number)))
    rng.shuffle(copies)
    return copies


def test_two_workers_share_the_partitions_and_announce_each_story_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """Of the copies of a story, one is announced and the others are its variants."""
    labelled = story_copies(random.Random(7))
    sent = [raw for _, raw in labelled]
    settings = sandbox.settings(BATCH_MAX_ARTICLES="10")
    with ExitStack() as running:
        workers = [running.enter_context(running_worker(settings, tmp_path / f"{name}.log")) for name in "ab"]
        for worker in workers:
            wait_ready(worker)
        wait_until(lambda: [*map(len, sandbox.members().values())] == [2, 2], READY_SECONDS, "two partitions each")
        for worker in workers:  # both start to process at the same time, when all messages are in the topic
            os.kill(worker.pid, signal.SIGSTOP)
        sandbox.produce(sent)
        for worker in workers:
            os.kill(worker.pid, signal.SIGCONT)
        wait_delivered(sandbox, *workers)
        wait_counted(sandbox, *workers)
        scraped = [scrape(worker) for worker in workers]

    assert [metrics.total("reprise_articles_total") for metrics in scraped] == [len(sent) / 2] * 2
    events = single_events(sent, sandbox.events())
    types: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for (story, _), event in zip(labelled, events, strict=True):
        types[story][event.body["type"]] += 1
    expected = Counter({"story.new": 1, "story.variant": PARTITIONS - 1})
    assert types == dict.fromkeys(range(STORIES), expected)
    assert group_positions(event.body["story_id"] for event in events) == group_positions(
        str(story) for story, _ in labelled
    )
    assert all(metrics.values("reprise_articles_total", "outcome")["new"] for metrics in scraped)
    assert not any("replayed" in metrics.values("reprise_articles_total", "outcome") for metrics in scraped)
