"""The sample crawl, its broken messages and a tombstone through one real worker, seen from outside."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import reprise
from reprise.dedup.text.backend import TEXT_BACKEND
from reprise.model import Message
from tests.e2e.support_e2e import (
    Answered,
    Event,
    Place,
    Raw,
    Samples,
    article,
    by_trace,
    groups,
    one_each,
    open_place,
    probe,
    samples,
    wait_counted,
    wait_delivered,
    wait_ready,
)
from tests.support import running_worker

SAMPLE = Path(reprise.__file__).parent / "sample"

#: Why each message of broken.jsonl is dead, in its order.
BROKEN = (
    "not_json",
    "not_an_object",
    "no_text",
    "wrong_type",
    "not_json",
    "not_utf8",
    "id_too_long",
    "wrong_type",
    "not_json",
    "not_an_object",
)

#: Limits of this worker: above everything in the sample.
MAX_BYTES, MAX_CHARACTERS = 65_536, 20_000

#: Messages past them, and why they are dead.
TOO_MUCH = (
    (article(text="word " * MAX_BYTES), "message_too_large"),
    (article(text="word " * (MAX_CHARACTERS // 4)), "text_too_long"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What went in and everything that one worker made of it."""

    place: Place
    pages: list[dict[str, str]]
    sent: list[Raw]
    dead_sent: list[tuple[Raw, str, int]]
    events: list[Event]
    dead_letters: list[Message]
    scraped: Samples
    answers: dict[str, Answered]


def _key(page: dict[str, str]) -> bytes:
    return page.get("id", page["url"]).encode()


def _first_revised(pages: list[dict[str, str]]) -> dict[str, str]:
    """The first page whose id comes again with another text."""
    texts = {(page.get("id"), page.get("text") or page["html"]) for page in pages if "id" in page}
    revised = {number for number, count in Counter(number for number, _ in texts).items() if count > 1}
    return next(page for page in pages if page.get("id") in revised)


@pytest.fixture(scope="module")
def run(kafka_bootstrap_servers: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    lines = (SAMPLE / "crawl.jsonl").read_bytes().splitlines()
    pages = [json.loads(line) for line in lines]
    pages.append(_first_revised(pages))  # the earlier text once more, after its revision
    sent = [Raw(value=json.dumps(page).encode(), key=_key(page)) for page in pages]
    broken = [*zip((SAMPLE / "broken.jsonl").read_bytes().splitlines(), BROKEN, strict=True), *TOO_MUCH]
    dead = [(Raw(value=value, key=b"broken %d" % number), reason) for number, (value, reason) in enumerate(broken)]
    dead = [(replace(raw, headers=(*raw.headers, ("crawler", b"\xff7"))), reason) for raw, reason in dead]
    mixed: list[Raw] = list(sent)
    for number, (raw, _) in enumerate(dead):
        mixed.insert(number * 7, raw)
    mixed.insert(5, Raw(value=None, key=b"a page that is gone"))
    with open_place(kafka_bootstrap_servers, redis_url) as place:
        place.create_topics()
        offsets = dict(zip((raw.trace for raw in mixed), place.send(mixed), strict=True))
        settings = place.settings(
            MAX_MESSAGE_BYTES=str(MAX_BYTES), MAX_TEXT_CHARACTERS=str(MAX_CHARACTERS), BATCH_MAX_ARTICLES="25"
        )
        with running_worker(settings, tmp_path_factory.mktemp("sample") / "log") as process:
            wait_ready(process)
            wait_delivered(place, process)
            wait_counted(place, process)
            yield Run(
                place=place,
                pages=pages,
                sent=sent,
                dead_sent=[(raw, reason, offsets[raw.trace]) for raw, reason in dead],
                events=place.events(),
                dead_letters=place.dead_letters(),
                scraped=samples(process),
                answers={path: probe(process, path) for path in ("/livez", "/readyz", "/", "/metric", "/readyz/x")},
            )


def test_the_stories_are_those_of_the_labels(run: Run) -> None:
    """Each page leads to one event, and pages share a story where their gold labels say so, and only there."""
    events = one_each(run.sent, run.events)
    assert groups(event.body["story_id"] for event in events) == groups(page["story"] for page in run.pages)


def test_a_story_is_announced_once_and_first(run: Run) -> None:
    """The first page of each story announces it; a crawl of that very page again is the only thing that repeats it."""
    seen: dict[str, Event] = {}
    for event in one_each(run.sent, run.events):
        first = seen.setdefault(event.body["story_id"], event)
        assert first.body["type"] == "story.new"
        if event.body["type"] == "story.new":
            assert event.message.value == first.message.value


def test_dead_letters_keep_the_original_and_say_why_and_where(run: Run) -> None:
    """Each broken message is in the dead letters once: its bytes, key and headers, the reason and its address."""
    found = {dict(message.headers)["traceparent"]: message for message in run.dead_letters}
    assert len(found) == len(run.dead_letters) == len(run.dead_sent)
    for raw, reason, offset in run.dead_sent:
        message = found[raw.trace]
        assert (message.value, message.key) == (raw.value, raw.key)
        headers = [(name, value) for name, value in message.headers if not name.startswith("reprise-dead-")]
        assert tuple(headers) == raw.headers
        told = {name: value.decode() for name, value in message.headers if name.startswith("reprise-dead-")}
        assert told["reprise-dead-reason"] == reason
        assert told["reprise-dead-topic"] == run.place.topics.articles
        assert (told["reprise-dead-partition"], told["reprise-dead-offset"]) == ("0", str(offset))
        assert told["reprise-dead-form"] == "message"
        assert told["reprise-dead-detail"]
        assert told["reprise-dead-time"].endswith("Z")


def test_every_offset_is_committed(run: Run) -> None:
    """The group's position is the end of the topic, and the worker's lag is 0."""
    everything = len(run.sent) + len(run.dead_sent) + 1
    assert run.place.committed() == run.place.ends(run.place.topics.articles) == {0: everything}
    assert run.scraped.total("reprise_consumer_lag") == 0


def test_metrics_count_each_message_once(run: Run) -> None:
    """Outcomes, kinds and reasons add up to what went in and came out; nothing is counted twice."""
    scraped, events = run.scraped, one_each(run.sent, run.events)
    distinct = {event.body["event_id"]: event for event in events}.values()
    kinds = Counter(event.body["kind"] for event in distinct if "kind" in event.body)
    stories = {page["story"] for page in run.pages}
    assert scraped.values("reprise_articles_total", "outcome") == {
        "new": len(stories),
        "variant": kinds.total(),
        "replayed": len(events) - len(distinct),
        "dead": len(run.dead_sent),
        "skipped": 1,
    }
    assert scraped.values("reprise_variants_total", "kind") == kinds
    assert scraped.values("reprise_dead_letters_total", "reason") == Counter(reason for _, reason, _ in run.dead_sent)
    everything = len(run.sent) + len(run.dead_sent) + 1
    assert (
        scraped.total("reprise_batch_articles_sum") == scraped.total("reprise_end_to_end_seconds_count") == everything
    )
    assert scraped.total("reprise_index_articles") == scraped.total("reprise_indexed_articles_total") > len(stories)
    assert scraped.values("reprise_dependency_up", "dependency") == {"redis": 1, "kafka": 1}
    assert scraped.values("reprise_build_info", "version") == {reprise.__version__: 1}
    assert scraped.values("reprise_build_info", "text_backend") == {TEXT_BACKEND: 1}


def test_the_port_answers_three_paths(run: Run) -> None:
    """A worker at work is alive and ready; any other path is 404."""
    assert {path: answer.status for path, answer in run.answers.items()} == {
        "/livez": 200,
        "/readyz": 200,
        "/": 404,
        "/metric": 404,
        "/readyz/x": 404,
    }


def test_a_revision_names_the_event_it_revises(run: Run) -> None:
    """`revises` is the id of the event that the same article led to before, and no other kind of event has it."""
    known: dict[str, list[str]] = defaultdict(list)
    revisions = 0
    for event in one_each(run.sent, run.events):
        before = known[event.body["article"]["id"]]
        if event.body["event_id"] in before:
            continue  # a text that was there before: its event is repeated as it was
        if event.body.get("kind") == "revision":
            assert event.body["revises"] == before[-1]
            revisions += 1
        else:
            assert "revises" not in event.body
        before.append(event.body["event_id"])
    assert revisions >= 2


def test_an_earlier_text_that_comes_back_repeats_its_event(run: Run) -> None:
    """A, B, and A again under one id: the third event is the first, byte for byte."""
    events = one_each(run.sent, run.events)
    last = events[-1]
    own = [event for event in events if event.body["article"]["id"] == last.body["article"]["id"]]
    assert len({event.message.value for event in own[:-1]}) > 1
    assert last.message.value == own[0].message.value


def test_events_tell_of_the_article_as_its_message_does(run: Run) -> None:
    """Id, address, title and dates are those of the message; every matched article is one that came before."""
    seen: set[str] = set()
    for page, event in zip(run.pages, one_each(run.sent, run.events), strict=True):
        told = event.body["article"]
        for name in ("id", "url", "source", "title", "published_at"):
            assert name not in page or told[name] == page[name]
        assert event.body.get("matched_article_id", told["id"]) in seen | {told["id"]}
        seen.add(told["id"])


def test_another_group_gets_the_very_same_events(run: Run, tmp_path: Path) -> None:
    """A replay of the topic by a new group repeats every event: id, body, `decided_at` and headers."""
    settings = run.place.settings(
        KAFKA_GROUP_ID=f"{run.place.topics.group_id}-again",
        MAX_MESSAGE_BYTES=str(MAX_BYTES),
        MAX_TEXT_CHARACTERS=str(MAX_CHARACTERS),
    )
    with running_worker(settings, tmp_path / "log") as process:
        wait_delivered(run.place, process, group_id=settings["REPRISE_KAFKA_GROUP_ID"])
        wait_counted(run.place, process)
        scraped = samples(process)
    found = by_trace(run.place.events())
    assert found.keys() == {raw.trace for raw in run.sent}
    for event in run.events:
        assert [each.content for each in found[event.trace]] == [event.content] * 2
    assert scraped.values("reprise_articles_total", "outcome") == {
        "replayed": len(run.sent),
        "dead": len(run.dead_sent),
        "skipped": 1,
    }
