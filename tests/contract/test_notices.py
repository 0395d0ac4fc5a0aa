"""Pages that show a notice in place of an article, for the memory index and the Redis index."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import redis

from reprise.dedup.retention import Retention
from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.model import Decision, EventType, Kind
from tests.contract.conftest import RETENTION
from tests.contract.notice_pages import NOTICE, REPORT, TITLES, page
from tests.contract.texts import RULE, make_fingerprint, make_text

T0 = 1_700_000_000_000
WINDOW_MS = 60_000

DecidingIndex = MemoryIndex | RedisIndex
Decide = Callable[..., list[Decision]]

#: The same text on each page, without an id.
SAME_NOTICE = NOTICE.replace("{}", "")


@pytest.fixture
def decide(index: DecidingIndex, namespace: str) -> Decide:
    """Return a function that decides articles at a number of milliseconds after T0."""
    return lambda *fingerprints, at=0: list(index.decide(namespace, fingerprints, T0 + at))


@pytest.mark.parametrize("text", [SAME_NOTICE, NOTICE], ids=["equal texts", "texts with ids"])
@pytest.mark.parametrize("batch", [1, 5], ids=["one by one", "one batch"])
def test_the_third_page_shows_no_page(decide: Decide, text: str, batch: int) -> None:
    """The first two cannot be known: each founds a story of its own."""
    pages = [page(number, text) for number in range(1, 6)]
    decisions = [decision for at in range(0, 5, batch) for decision in decide(*pages[at : at + batch])]
    assert [decision.is_article for decision in decisions] == [True, True, False, False, False]
    assert len({decision.story_id for decision in decisions[:2]}) == 2
    assert {decision.type for decision in decisions[:2]} == {EventType.NEW}
    assert all(decision.matched_article_id in {"1", "2"} for decision in decisions[2:])
    assert not any(decision.trace.indexed for decision in decisions[2:])


def test_a_recorded_decision_is_repeated(decide: Decide) -> None:
    """The pages before it keep their stories, and the others have no article again."""
    pages = [page(number) for number in range(1, 5)]
    first = decide(*pages)
    again = decide(*reversed(pages), at=1)
    assert all(decision.trace.replayed for decision in again)
    assert [decision.is_article for decision in again] == [False, False, True, True]
    assert [decision.story_id for decision in reversed(again)] == [decision.story_id for decision in first]


@pytest.mark.parametrize("number", [1, 2])
def test_an_article_takes_over_the_story_of_its_address(decide: Decide, number: int) -> None:
    """The first two pages have a story of their own: the article at their address is a revision in it."""
    stories = decide(page(1), page(2), page(3))
    (revision,) = decide(page(number, make_text(1, 2, 3)), at=1)
    assert (revision.type, revision.kind) == (EventType.VARIANT, Kind.REVISION)
    assert revision.story_id == stories[number - 1].story_id
    assert revision.supersedes is not None
    assert revision.supersedes.story_id == revision.story_id
    (reprint,) = decide(make_fingerprint("reprint", make_text(1, 2, 3), source="other.example"), at=2)
    assert (reprint.kind, reprint.story_id) == (Kind.EXACT, revision.story_id)


def test_an_article_at_the_address_of_a_known_notice_founds_a_story(decide: Decide) -> None:
    """Its decision replaces none, and the pages of the notice stay recognised."""
    stories = decide(*(page(number) for number in range(1, 5)))
    (found,) = decide(page(4, make_text(1, 2, 3)), at=1)
    assert (found.type, found.supersedes) == (EventType.NEW, None)
    assert found.story_id not in {decision.story_id for decision in stories}
    assert [decision.is_article for decision in decide(page(5), page(4), at=2)] == [False, False]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_an_article_joins_a_known_story(decide: Decide, number: int) -> None:
    """Match an article at the address of a notice with the copy that another site published before.

    It is a variant, whichever page of the notice the address showed.
    """
    (known,) = decide(make_fingerprint("known", make_text(1, 2, 3), source="other.example"))
    decide(*(page(each) for each in range(1, 4)), at=1)
    (found,) = decide(page(number, make_text(1, 2, 3)), at=2)
    assert (found.kind, found.story_id) == (Kind.EXACT, known.story_id)


def test_a_notice_stays_known_while_pages_show_it(decide: Decide) -> None:
    """Beyond the window of its first pages."""
    decide(page(1), page(2))
    for step in range(1, 5):
        (decision,) = decide(page(2 + step), at=40_000 * step)
        assert not decision.is_article


def test_a_notice_expires(decide: Decide) -> None:
    """After a window without a page, it has to be recognised again."""
    decide(page(1), page(2), page(3))
    again = decide(page(4), page(5), page(6), at=WINDOW_MS + 1)
    assert [decision.is_article for decision in again] == [True, True, False]


def test_a_report_of_many_sites_is_a_story(decide: Decide) -> None:
    """Exact copies under one title; one site has it at several addresses."""
    text = make_text(1, 2)
    sites = [page(1, text, source=f"{number}.example", title=TITLES[0]) for number in range(20)]
    sites = [replace(each, article_id=str(number)) for number, each in enumerate(sites)]
    forms = [
        replace(page(1, text, title=TITLES[0], address=f"https://{{source}}{form}"), article_id=form)
        for form in ("/n/1", "/amp/n/1.html", "/n/1?print=1")
    ]
    assert len({decision.story_id for decision in decide(*sites, *forms)}) == 1


def test_a_long_text_is_no_notice(decide: Decide) -> None:
    """One site may publish a report at several addresses."""
    assert page(1, REPORT).page is None
    assert len({decision.story_id for decision in decide(*(page(number, REPORT) for number in range(4)))}) == 1


def test_a_copy_of_a_doubted_text_joins_the_first_page(decide: Decide) -> None:
    """So that a report that one site has at two addresses stays a story of many sites."""
    text = make_text(1, 2)
    first, second = decide(page(1, text), page(2, text))
    assert first.story_id != second.story_id
    copies = decide(*(make_fingerprint(f"c{number}", text, source=f"{number}.example") for number in range(3)))
    assert {decision.story_id for decision in copies} == {first.story_id}


def test_another_form_of_a_page_joins_its_story(decide: Decide) -> None:
    """The second page of a notice has a story of its own."""
    _, second = decide(page(1, SAME_NOTICE), page(2, SAME_NOTICE))
    form = replace(page(2, SAME_NOTICE, address="https://{source}/amp/news/story-{number}.html"), article_id="amp")
    (decision,) = decide(form)
    assert decision.is_article
    assert decision.story_id == second.story_id


@pytest.mark.redis
def test_two_workers_share_the_known_pages(redis_url: str, namespace: str) -> None:
    """A page that another worker has committed since the lookup is a conflict, so that the third page is recognised."""
    with redis.Redis.from_url(redis_url) as client:
        one, other, third = (
            RedisIndex(client, rule=RULE, retention=RETENTION, expected_articles=1_000) for _ in range(3)
        )
        batches = [
            index.submit(namespace, [page(number)], T0) for number, index in enumerate((one, other, third), start=1)
        ]
        decisions = [batch.result()[0] for batch in batches]
        assert [decision.is_article for decision in decisions] == [True, True, False]
        assert [decision.trace.conflicts for decision in decisions] == [0, 1, 1]


@pytest.mark.redis
def test_a_lost_representative_is_no_error(redis_url: str, namespace: str) -> None:
    """Without any record of its pages, a notice has to be recognised again."""
    retention = Retention(window_seconds=60, replay_seconds=20)
    with redis.Redis.from_url(redis_url) as client:
        RedisIndex(client, rule=RULE, retention=retention, expected_articles=1_000).decide(
            namespace, [page(1), page(2), page(3)], T0
        )
        for key in client.scan_iter(f"{{{namespace}}}:*:r:*"):
            client.delete(key)
        index = RedisIndex(client, rule=RULE, retention=retention, expected_articles=1_000)
        again = index.decide(namespace, [page(4), page(5), page(6)], T0 + 1)
    assert [decision.is_article for decision in again] == [True, True, False]
