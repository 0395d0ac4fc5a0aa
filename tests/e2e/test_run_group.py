"""Two workers of one group, at the same stories at the same moment."""

import os
import random
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.stack import wait_until
from tests.e2e.support_e2e import (
    READY_SECONDS,
    Place,
    Raw,
    article,
    groups,
    one_each,
    open_place,
    samples,
    wait_counted,
    wait_delivered,
    wait_ready,
)
from tests.support import running_worker

PARTITIONS = 4

#: Stories, each on every partition once: few enough copies that stories begin all along the load, for both workers.
STORIES = 120


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        found.create_topics(PARTITIONS)
        yield found


def told(dice: random.Random) -> str:
    """Return a story of its own: sentences of made-up words."""
    syllables = ("ka", "lo", "mi", "ren", "tus", "vel", "dor", "sha", "pin", "gra")
    words = ["".join(dice.choices(syllables, k=3)) for _ in range(180)]
    return " ".join(" ".join(words[at : at + 15]).capitalize() + "." for at in range(0, len(words), 15))


def copies(dice: random.Random) -> list[tuple[int, Raw]]:
    """Return a copy of each story for each partition, with the story's number, in any order.

    Half of them are the text as it is, the others have three words of it changed; each is of a site of its own.
    """
    made = []
    for story in range(STORIES):
        text = told(dice)
        for number in range(PARTITIONS):
            words = text.split(" ")
            for place in dice.sample(range(len(words)), 3 if number % 2 else 0):
                words[place] = "changed"
            value = article(id=f"{story}-{number}", source=f"site-{number}.example", text=" ".join(words))
            made.append((story, Raw(value=value, partition=number)))
    dice.shuffle(made)
    return made


def test_two_workers_share_the_partitions_and_announce_each_story_once(place: Place, tmp_path: Path) -> None:
    """Copies of one story reach both workers at once: one `story.new`, and every other copy is a variant of it."""
    labelled = copies(random.Random(7))
    sent = [raw for _, raw in labelled]
    settings = place.settings(BATCH_MAX_ARTICLES="10")
    with ExitStack() as running:
        workers = [running.enter_context(running_worker(settings, tmp_path / f"{name}.log")) for name in "ab"]
        for worker in workers:
            wait_ready(worker)
        wait_until(lambda: [*map(len, place.members().values())] == [2, 2], READY_SECONDS, "two partitions each")
        for worker in workers:  # held until everything is there, so that both begin at the same moment
            os.kill(worker.pid, signal.SIGSTOP)
        place.send(sent)
        for worker in workers:
            os.kill(worker.pid, signal.SIGCONT)
        wait_delivered(place, *workers)
        wait_counted(place, *workers)
        scraped = [samples(worker) for worker in workers]

    assert [each.total("reprise_articles_total") for each in scraped] == [len(sent) / 2] * 2
    events = one_each(sent, place.events())
    types: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for (story, _), event in zip(labelled, events, strict=True):
        types[story][event.body["type"]] += 1
    once = Counter({"story.new": 1, "story.variant": PARTITIONS - 1})
    assert types == dict.fromkeys(range(STORIES), once)
    assert groups(event.body["story_id"] for event in events) == groups(str(story) for story, _ in labelled)
    assert all(each.values("reprise_articles_total", "outcome")["new"] for each in scraped)
    assert not any("replayed" in each.values("reprise_articles_total", "outcome") for each in scraped)
