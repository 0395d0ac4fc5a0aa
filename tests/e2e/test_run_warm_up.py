"""Another index takes over from a worker under load: no gap, nothing announced twice."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from deploy.local.stack import wait_until
from tests.e2e.support_e2e import (
    DELIVERY_SECONDS,
    Event,
    Place,
    Raw,
    article,
    one_each,
    open_place,
    samples,
    wait_delivered,
    wait_ready,
)
from tests.support import WorkerProcess, running_worker

PARTITIONS = 4

#: Stories of each of the three loads, each on every partition once.
STORIES = 50


@pytest.fixture
def place(kafka_bootstrap_servers: str, redis_url: str) -> Iterator[Place]:
    with open_place(kafka_bootstrap_servers, redis_url) as found:
        found.create_topics(PARTITIONS)
        yield found


def told(dice: random.Random) -> str:
    """Return a story of its own: sentences of made-up words."""
    syllables = ("ka", "lo", "mi", "ren", "tus", "vel", "dor", "sha", "pin", "gra")
    words = ["".join(dice.choices(syllables, k=3)) for _ in range(120)]
    return " ".join(" ".join(words[at : at + 15]).capitalize() + "." for at in range(0, len(words), 15))


def loads(dice: random.Random) -> list[list[tuple[int, Raw]]]:
    """Return three loads of articles with their stories' numbers; half of each story's copies are in a later load."""
    made: list[list[tuple[int, Raw]]] = [[], [], []]
    for story in range(3 * STORIES):
        text = told(dice)
        for number in dice.sample(range(PARTITIONS), PARTITIONS):
            words = text.split(" ")
            for at in dice.sample(range(len(words)), 2 if number % 2 else 0):
                words[at] = "changed"
            value = article(id=f"{story}-{number}", source=f"site-{number}.example", text=" ".join(words))
            load = min(2, story % 3 + dice.randrange(2))
            made[load].append((story, Raw(value=value, key=f"{story}".encode(), partition=number)))
    for messages in made:
        dice.shuffle(messages)
    return made


def test_a_new_index_takes_over_from_a_worker_under_load(place: Place, tmp_path: Path) -> None:
    """Other parameters, several workers and a restart: each article has one event, each story one announcement."""
    first, second, third = loads(random.Random(11))
    old_settings = place.settings(BATCH_MAX_ARTICLES="10")
    new_settings = place.settings(
        BATCH_MAX_ARTICLES="10",
        KAFKA_GROUP_ID=f"{place.topics.group_id}-2",
        INDEX_GENERATION="g2",
        RULE_PERMUTATIONS="40",
    )
    arguments = ("--warm-up", f"group:{place.topics.group_id}")
    group_id = new_settings["REPRISE_KAFKA_GROUP_ID"]

    def begun(*workers: WorkerProcess) -> None:
        for worker in workers:
            wait_ready(worker)
        learnt = sum(place.ends(place.topics.articles).values()) // 2
        wait_until(lambda: sum(place.committed(group_id).values()) >= learnt, DELIVERY_SECONDS, "half of it learnt")

    with ExitStack() as running:
        old = running.enter_context(running_worker(old_settings, tmp_path / "old.log"))
        place.send(raw for _, raw in first)
        wait_delivered(place, old)
        new = running.enter_context(running_worker(new_settings, tmp_path / "new-a.log", *arguments))
        begun(new)
        assert samples(new).total("reprise_warm_up") == 1
        place.send(raw for _, raw in second)
        with running_worker(new_settings, tmp_path / "new-b.log", *arguments) as other:
            begun(new, other)
        again = running.enter_context(running_worker(new_settings, tmp_path / "new-c.log", *arguments))
        wait_ready(again)
        place.send(raw for _, raw in third)
        assert old.stop() == 0
        by_old = place.written()
        final = place.committed()
        wait_delivered(place, new, again, group_id=group_id)
        crawled_again = random.Random(3).sample(first, 30)
        place.send(repeated := [Raw(value=raw.value, key=raw.key, partition=raw.partition) for _, raw in crawled_again])
        wait_delivered(place, new, again, group_id=group_id)
        wait_until(
            lambda: any(samples(each).total("reprise_warm_up") == 0 for each in (new, again)), DELIVERY_SECONDS, "live"
        )

    sent = [*first, *second, *third]
    assert by_old == sum(final.values())  # the old worker committed all that it told, and told all that it committed
    events = place.events()
    traces = {raw.trace for raw in repeated}
    later = [event for event in events if event.trace in traces]
    told_once = one_each([raw for _, raw in sent], [event for event in events if event.trace not in traces])
    check_stories([story for story, _ in sent], told_once)
    before = {event.body["article"]["id"]: event.body["event_id"] for event in told_once}
    assert len(later) == len(repeated)
    assert {event.body["event_id"] for event in later} == {before[event.body["article"]["id"]] for event in later}


def check_stories(stories: list[int], events: list[Event]) -> None:
    """One announcement each, of which every variant is."""
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    ids: defaultdict[int, set[str]] = defaultdict(set)
    for story, event in zip(stories, events, strict=True):
        found[story][event.body["type"]] += 1
        ids[story].add(event.body["story_id"])
    once = Counter({"story.new": 1, "story.variant": PARTITIONS - 1})
    assert found == dict.fromkeys(range(3 * STORIES), once)
    assert {len(each) for each in ids.values()} == {1}
    announced = {event.body["story_id"] for event in events if event.body["type"] == "story.new"}
    assert {event.body["story_id"] for event in events} == announced


def test_a_time_ends_the_silence(place: Place, tmp_path: Path) -> None:
    """With a time in the future nothing is told and everything is committed; a group that there is not is an error."""
    sent = [raw for _, raw in loads(random.Random(5))[0]][:40]
    place.send([*sent, Raw(value=b"{", partition=0)])
    with running_worker(place.settings(), tmp_path / "log", "--warm-up", "2999-01-01T00:00:00Z") as worker:
        wait_delivered(place, worker)
        assert place.written() == 0
        assert not sum(place.ends(place.topics.dead).values())
    with running_worker(place.settings(), tmp_path / "none.log", "--warm-up", "group:nobody") as worker:
        assert worker.process.wait(timeout=DELIVERY_SECONDS) == 1
        assert "the group nobody has committed nothing" in worker.output()
