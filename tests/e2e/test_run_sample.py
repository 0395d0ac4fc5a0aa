"""The sample crawl, its malformed messages and a tombstone, processed by one worker."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import reprise
from reprise.dedup.text.backend import TEXT_BACKEND
from reprise.model import Message
from tests.e2e.articles import article_json
from tests.e2e.sandbox import InputMessage, OutputEvent, Sandbox, by_trace, group_positions, open_sandbox, single_events
from tests.e2e.worker_state import Scrape, WorkerResponse, http_get, scrape, wait_counted, wait_delivered, wait_ready
from tests.support import running_worker

SAMPLE = Path(reprise.__file__).parent / "sample"

#: Reason of the dead letter of each message of broken.jsonl, in its order.
MALFORMED_REASONS = (
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

#: Limits of the worker. All messages of the sample are smaller.
MAX_BYTES, MAX_CHARACTERS = 65_536, 20_000

#: Messages above the limits, with the reason of their dead letter.
TOO_LARGE = (
    (article_json(text="word " * MAX_BYTES), "message_too_large"),
    (article_json(text="word " * (MAX_CHARACTERS // 4)), "text_too_long"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRun:
    """The input of one worker and its complete output."""

    sandbox: Sandbox
    pages: list[dict[str, str]]
    sent: list[InputMessage]
    dead_sent: list[tuple[InputMessage, str, int]]
    events: list[OutputEvent]
    dead_letters: list[Message]
    scraped: Scrape
    responses: dict[str, WorkerResponse]


def _key(page: dict[str, str]) -> bytes:
    return page.get("id", page["url"]).encode()


def _first_revised(pages: list[dict[str, str]]) -> dict[str, str]:
    """Return the first page whose id occurs again with another text."""
    texts = {(page.get("id"), page.get("text") or page["html"]) for page in pages if "id" in page}
    revised = {number for number, count in Counter(number for number, _ in texts).items() if count > 1}
    return next(page for page in pages if page.get("id") in revised)


@pytest.fixture(scope="module")
def run(kafka_bootstrap_servers: str, redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SampleRun]:
    lines = (SAMPLE / "crawl.jsonl").read_bytes().splitlines()
    pages = [json.loads(line) for line in lines]
    pages.append(_first_revised(pages))  # the earlier text again, after its revision
    sent = [InputMessage(value=json.dumps(page).encode(), key=_key(page)) for page in pages]
    malformed = [*zip((SAMPLE / "broken.jsonl").read_bytes().splitlines(), MALFORMED_REASONS, strict=True), *TOO_LARGE]
    dead = []
    for number, (value, reason) in enumerate(malformed):
        message = InputMessage(value=value, key=b"malformed %d" % number)
        dead.append((replace(message, headers=(*message.headers, ("crawler", b"\xff7"))), reason))
    mixed: list[InputMessage] = list(sent)
    for number, (raw, _) in enumerate(dead):
        mixed.insert(number * 7, raw)
    mixed.insert(5, InputMessage(value=None, key=b"a deleted page"))
    with open_sandbox(kafka_bootstrap_servers, redis_url) as sandbox:
        offsets = dict(zip((raw.trace for raw in mixed), sandbox.produce(mixed), strict=True))
        settings = sandbox.settings(
            MAX_MESSAGE_BYTES=str(MAX_BYTES), MAX_TEXT_CHARACTERS=str(MAX_CHARACTERS), BATCH_MAX_ARTICLES="25"
        )
        with running_worker(settings, tmp_path_factory.mktemp("sample") / "log") as process:
            wait_ready(process)
            wait_delivered(sandbox, process)
            wait_counted(sandbox, process)
            yield SampleRun(
                sandbox=sandbox,
                pages=pages,
                sent=sent,
                dead_sent=[(raw, reason, offsets[raw.trace]) for raw, reason in dead],
                events=sandbox.events(),
                dead_letters=sandbox.dead_letters(),
                scraped=scrape(process),
                responses={
                    path: http_get(process, path) for path in ("/livez", "/readyz", "/", "/metric", "/readyz/x")
                },
            )


def test_stories_equal_the_labels(run: SampleRun) -> None:
    """Each page has one event. Pages with equal gold labels share a story, others do not."""
    events = single_events(run.sent, run.events)
    assert group_positions(event.body["story_id"] for event in events) == group_positions(
        page["story"] for page in run.pages
    )


def test_a_story_is_announced_once_by_its_first_page(run: SampleRun) -> None:
    """Only another crawl of the first page repeats the announcement."""
    seen: dict[str, OutputEvent] = {}
    for event in single_events(run.sent, run.events):
        first = seen.setdefault(event.body["story_id"], event)
        assert first.body["type"] == "story.new"
        if event.body["type"] == "story.new":
            assert event.message.value == first.message.value


def test_dead_letters_have_the_message_the_reason_and_the_origin(run: SampleRun) -> None:
    """Each malformed message is a dead letter once, with its bytes, key and headers, the reason and its position."""
    letters = {dict(message.headers)["traceparent"]: message for message in run.dead_letters}
    assert len(letters) == len(run.dead_letters) == len(run.dead_sent)
    for raw, reason, offset in run.dead_sent:
        message = letters[raw.trace]
        assert (message.value, message.key) == (raw.value, raw.key)
        headers = [(name, value) for name, value in message.headers if not name.startswith("reprise-dead-")]
        assert tuple(headers) == raw.headers
        added = {name: value.decode() for name, value in message.headers if name.startswith("reprise-dead-")}
        assert added["reprise-dead-reason"] == reason
        assert added["reprise-dead-topic"] == run.sandbox.topics.articles
        assert (added["reprise-dead-partition"], added["reprise-dead-offset"]) == ("0", str(offset))
        assert added["reprise-dead-form"] == "message"
        assert added["reprise-dead-detail"]
        assert added["reprise-dead-time"].endswith("Z")


def test_every_offset_is_committed(run: SampleRun) -> None:
    """The committed offset is the end of the topic, and the lag is 0."""
    message_count = len(run.sent) + len(run.dead_sent) + 1
    assert run.sandbox.committed() == run.sandbox.end_offsets(run.sandbox.topics.articles) == {0: message_count}
    assert run.scraped.total("reprise_consumer_lag") == 0


def test_metrics_count_each_message_once(run: SampleRun) -> None:
    """Outcomes, kinds and reasons sum up to the input and to the output."""
    scraped, events = run.scraped, single_events(run.sent, run.events)
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
    message_count = len(run.sent) + len(run.dead_sent) + 1
    assert (
        scraped.total("reprise_batch_articles_sum")
        == scraped.total("reprise_end_to_end_seconds_count")
        == message_count
    )
    assert scraped.total("reprise_index_articles") == scraped.total("reprise_indexed_articles_total") > len(stories)
    assert scraped.values("reprise_dependency_up", "dependency") == {"redis": 1, "kafka": 1}
    assert scraped.values("reprise_build_info", "version") == {reprise.__version__: 1}
    assert scraped.values("reprise_build_info", "text_backend") == {TEXT_BACKEND: 1}


def test_the_port_serves_three_paths(run: SampleRun) -> None:
    """A running worker is alive and ready. Other paths are 404."""
    assert {path: response.status for path, response in run.responses.items()} == {
        "/livez": 200,
        "/readyz": 200,
        "/": 404,
        "/metric": 404,
        "/readyz/x": 404,
    }


def test_a_revision_names_the_event_it_revises(run: SampleRun) -> None:
    """`revises` is the id of the previous event of the same article. Only revisions have it."""
    known: dict[str, list[str]] = defaultdict(list)
    revisions = 0
    for event in single_events(run.sent, run.events):
        before = known[event.body["article"]["id"]]
        if event.body["event_id"] in before:
            continue  # an earlier text, whose event is repeated
        if event.body.get("kind") == "revision":
            assert event.body["revises"] == before[-1]
            revisions += 1
        else:
            assert "revises" not in event.body
        before.append(event.body["event_id"])
    assert revisions >= 2


def test_an_earlier_text_repeats_its_event(run: SampleRun) -> None:
    """For the texts A, B and A with one id, the third event equals the first, byte for byte."""
    events = single_events(run.sent, run.events)
    last = events[-1]
    own = [event for event in events if event.body["article"]["id"] == last.body["article"]["id"]]
    assert len({event.message.value for event in own[:-1]}) > 1
    assert last.message.value == own[0].message.value


def test_events_have_the_fields_of_the_article(run: SampleRun) -> None:
    """Id, URL, source, title and date are those of the message. A matched article is an earlier one."""
    seen: set[str] = set()
    for page, event in zip(run.pages, single_events(run.sent, run.events), strict=True):
        event_article = event.body["article"]
        for name in ("id", "url", "source", "title", "published_at"):
            assert name not in page or event_article[name] == page[name]
        assert event.body.get("matched_article_id", event_article["id"]) in seen | {event_article["id"]}
        seen.add(event_article["id"])


def test_another_group_publishes_equal_events(run: SampleRun, tmp_path: Path) -> None:
    """A new group that reads the topic again repeats every event with its id, body, `decided_at` and headers."""
    settings = run.sandbox.settings(
        KAFKA_GROUP_ID=f"{run.sandbox.topics.group_id}-again",
        MAX_MESSAGE_BYTES=str(MAX_BYTES),
        MAX_TEXT_CHARACTERS=str(MAX_CHARACTERS),
    )
    with running_worker(settings, tmp_path / "log") as process:
        wait_delivered(run.sandbox, process, group_id=settings["REPRISE_KAFKA_GROUP_ID"])
        wait_counted(run.sandbox, process)
        scraped = scrape(process)
    groups = by_trace(run.sandbox.events())
    assert groups.keys() == {raw.trace for raw in run.sent}
    for event in run.events:
        assert [copy.content for copy in groups[event.trace]] == [event.content] * 2
    assert scraped.values("reprise_articles_total", "outcome") == {
        "replayed": len(run.sent),
        "dead": len(run.dead_sent),
        "skipped": 1,
    }
