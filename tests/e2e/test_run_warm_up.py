"""A worker with a new index takes over from a worker under load, without a gap or a second announcement."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.stack import wait_until
from tests.e2e.articles import article_json, change_words, made_up_text
from tests.e2e.sandbox import InputMessage, OutputEvent, Sandbox, open_sandbox, single_events
from tests.e2e.worker_state import DELIVERY_SECONDS, scrape, wait_delivered, wait_ready
from tests.support import WorkerProcess, running_worker

PARTITIONS = 4

#: Number of stories of each of the three loads. Each has one copy in each partition.
STORIES = 50


@pytest.fixture
def sandbox(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Sandbox]:
    with open_sandbox(kafka_bootstrap_servers, redis_url, PARTITIONS) as sandbox:
        yield sandbox


def make_loads(rng: random.Random) -> list[list[tuple[int, InputMessage]]]:
    """Return three loads of articles with the numbers of their stories. The copies of a story are in two loads."""
    loads: list[list[tuple[int, InputMessage]]] = [[], [], []]
    for story in range(3 * STORIES):
        text = made_up_text(rng, 120)
        for number in rng.sample(range(PARTITIONS), PARTITIONS):
            copy = change_words(text, rng, 2 if number % 2 else 0)
            value = article_json(id=f"{story}-{number}", source=f"site-{number}.example", text=copy)
            load = min(2, story % 3 + rng.randrange(2))
            loads[load].append((story, InputMessage(value=value, key=f"{story}".encode(), partition=number)))
    for messages in loads:
        rng.shuffle(messages)
    return loads


def test_a_new_index_takes_over_from_a_worker_under_load(sandbox: Sandbox, tmp_path: Path) -> None:
    """With other parameters, two workers and a restart, each article has one event and each story one announcement."""
    first, second, third = make_loads(random.Random(11))
    old_settings = sandbox.settings(BATCH_MAX_ARTICLES="10")
    new_settings = sandbox.settings(
        BATCH_MAX_ARTICLES="10",
        KAFKA_GROUP_ID=f"{sandbox.topics.group_id}-2",
        INDEX_GENERATION="g2",
        RULE_PERMUTATIONS="40",
    )
    arguments = ("--warm-up", f"group:{sandbox.topics.group_id}")
    group_id = new_settings["REPRISE_KAFKA_GROUP_ID"]

    def wait_half_learned(*workers: WorkerProcess) -> None:
        for worker in workers:
            wait_ready(worker)
        learned = sum(sandbox.end_offsets(sandbox.topics.articles).values()) // 2
        wait_until(
            lambda: sum(sandbox.committed(group_id).values()) >= learned,
            DELIVERY_SECONDS,
            "half of the articles learned",
        )

    with ExitStack() as running:
        old = running.enter_context(running_worker(old_settings, tmp_path / "old.log"))
        sandbox.produce(raw for _, raw in first)
        wait_delivered(sandbox, old)
        new = running.enter_context(running_worker(new_settings, tmp_path / "new-a.log", *arguments))
        wait_half_learned(new)
        assert scrape(new).total("reprise_warm_up") == 1
        sandbox.produce(raw for _, raw in second)
        with running_worker(new_settings, tmp_path / "new-b.log", *arguments) as other:
            wait_half_learned(new, other)
        restarted = running.enter_context(running_worker(new_settings, tmp_path / "new-c.log", *arguments))
        wait_ready(restarted)
        sandbox.produce(raw for _, raw in third)
        assert old.stop() == 0
        old_events = sandbox.event_count()
        final = sandbox.committed()
        wait_delivered(sandbox, new, restarted, group_id=group_id)
        crawled_again = random.Random(3).sample(first, 30)
        sandbox.produce(
            repeated := [
                InputMessage(value=raw.value, key=raw.key, partition=raw.partition) for _, raw in crawled_again
            ]
        )
        wait_delivered(sandbox, new, restarted, group_id=group_id)
        wait_until(
            lambda: any(scrape(worker).total("reprise_warm_up") == 0 for worker in (new, restarted)),
            DELIVERY_SECONDS,
            "the end of the warm-up",
        )

    sent = [*first, *second, *third]
    assert old_events == sum(final.values())  # the old worker committed exactly the articles that it published
    events = sandbox.events()
    traces = {raw.trace for raw in repeated}
    later = [event for event in events if event.trace in traces]
    first_events = single_events([raw for _, raw in sent], [event for event in events if event.trace not in traces])
    check_stories([story for story, _ in sent], first_events)
    before = {event.body["article"]["id"]: event.body["event_id"] for event in first_events}
    assert len(later) == len(repeated)
    assert {event.body["event_id"] for event in later} == {before[event.body["article"]["id"]] for event in later}


def check_stories(stories: list[int], events: list[OutputEvent]) -> None:
    """Check that each story has one announcement and that all other copies are its variants."""
    types: defaultdict[int, Counter[str]] = defaultdict(Counter)
    ids: defaultdict[int, set[str]] = defaultdict(set)
    for story, event in zip(stories, events, strict=True):
        types[story][event.body["type"]] += 1
        ids[story].add(event.body["story_id"])
    expected = Counter({"story.new": 1, "story.variant": PARTITIONS - 1})
    assert types == dict.fromkeys(range(3 * STORIES), expected)
    assert {len(story_ids) for story_ids in ids.values()} == {1}
    announced = {event.body["story_id"] for event in events if event.body["type"] == "story.new"}
    assert {event.body["story_id"] for event in events} == announced


def test_before_its_cutoff_a_warm_up_publishes_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """With a time in the future nothing is published and all messages are committed. An unknown group is an error."""
    sent = [raw for _, raw in make_loads(random.Random(5))[0]][:40]
    sandbox.produce([*sent, InputMessage(value=b"{", partition=0)])
    with running_worker(sandbox.settings(), tmp_path / "log", "--warm-up", "2999-01-01T00:00:00Z") as worker:
        wait_delivered(sandbox, worker)
        assert sandbox.event_count() == 0
        assert not sum(sandbox.end_offsets(sandbox.topics.dead).values())
    with running_worker(sandbox.settings(), tmp_path / "none.log", "--warm-up", "group:unknown") as worker:
        assert worker.process.wait(timeout=DELIVERY_SECONDS) == 1
        assert "the group unknown has committed nothing" in worker.output()
