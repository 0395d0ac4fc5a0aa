"""Messages that are read again after the replay retention: the newest text of an article stays its latest one.

Each test runs for the memory index and the Redis index.
"""

from collections.abc import Callable, Sequence

import orjson
import pytest

from reprise.index.memory import MemoryIndex
from reprise.index.redis.index import RedisIndex
from reprise.messages.decoder import DecoderLimits, decode_article
from reprise.model import Decision, EventType, Fingerprint, Kind, Message
from tests.contract.conftest import RETENTION
from tests.contract.texts import RULE, edit_words, make_text
from tests.contract.texts import make_fingerprint as fingerprint_of

T0 = 1_700_000_000_000
REPLAY_MS, WINDOW_MS = RETENTION.replay_ms, RETENTION.window_ms
BASE = make_text(1, 2, 3, 4)
#: Three texts of one page, oldest first, which belong to one story.
TEXTS = [BASE, edit_words(BASE, 5, 40), edit_words(BASE, 10, 60)]
LIMITS = DecoderLimits(message_bytes=1_000_000, text_characters=100_000)

DecidingIndex = MemoryIndex | RedisIndex
Decide = Callable[..., list[Decision]]


@pytest.fixture
def decide(index: DecidingIndex, namespace: str) -> Decide:
    """Return a function that decides articles at a number of milliseconds after T0."""
    return lambda *fingerprints, at=0: list(index.decide(namespace, fingerprints, T0 + at))


def crawl(text: str, *, crawled_at_ms: int | None, sent_ms: int | None) -> Fingerprint:
    """Return the fingerprint of a page as a worker reads it from a message."""
    value = orjson.dumps({"id": "page", "text": text, "crawled_at": crawled_at_ms})
    message = Message(topic="t", partition=0, offset=0, key=None, value=value, timestamp_ms=sent_ms)
    article = decode_article(message, LIMITS)
    return fingerprint_of("page", article.text, crawled_at_ms=article.crawled_at_ms, rule=RULE)


#: For each text: whether its message has `crawled_at`, and the timestamp of the message in ms after T0, if it has one.
FORMS: dict[str, Sequence[tuple[bool, int | None]]] = {
    "crawl times": [(True, 0), (True, 1), (True, 2)],
    "crawl times alone": [(True, None), (True, None), (True, None)],
    "timestamps of messages": [(False, 0), (False, 1), (False, 2)],
    "equal timestamps": [(False, 0), (False, 0), (False, 0)],
    "no time at all": [(False, None), (False, None), (False, None)],
    "the oldest without a crawl time": [(False, 0), (True, 1), (True, 2)],
    "the newest without a crawl time": [(True, 0), (True, 1), (False, 2)],
    "the newest without any time": [(True, 0), (True, 1), (False, None)],
}


def crawls(form: str) -> list[Fingerprint]:
    return [
        crawl(text, crawled_at_ms=T0 + number if has_crawl_time else None, sent_ms=None if sent is None else T0 + sent)
        for number, (text, (has_crawl_time, sent)) in enumerate(zip(TEXTS, FORMS[form], strict=True))
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("at", [REPLAY_MS, WINDOW_MS - 1])
def test_an_older_text_that_is_read_again_supersedes_nothing(decide: Decide, form: str, at: int) -> None:
    """After the replay retention the older texts are decided again, but the newest one stays the latest."""
    oldest, middle, newest = crawls(form)
    first = decide(oldest, middle, newest)
    again = decide(oldest, middle, newest, at=at)
    for decision in again[:2]:
        assert (decision.type, decision.kind, decision.supersedes) == (EventType.VARIANT, Kind.REVISION, None)
        assert decision.story_id == first[0].story_id
        assert not decision.trace.indexed
    assert again[2].trace.replayed
    (changed,) = decide(crawl(edit_words(BASE, 20), crawled_at_ms=T0 + 9, sent_ms=T0 + 9), at=at)
    assert changed.supersedes is not None
    assert changed.supersedes.content_hash == newest.content_hash


@pytest.mark.parametrize("form", FORMS)
def test_a_rewind_in_small_batches_repeats_itself(decide: Decide, form: str) -> None:
    """The second of two late rewinds repeats the decisions of the first, also where each message is a batch."""
    articles = crawls(form)
    decide(*articles)
    for article in articles:
        decide(article, at=REPLAY_MS)
    again = decide(*articles, at=2 * REPLAY_MS - 1)
    assert all(decision.trace.replayed for decision in again)
    assert again[0].supersedes is None
    assert again[1].supersedes is None


@pytest.mark.parametrize("has_crawl_time", [True, False])
def test_a_page_that_changes_back_is_a_revision(decide: Decide, has_crawl_time: bool) -> None:
    """A newer crawl of an earlier text supersedes, once its recorded decision is forgotten."""
    decide(*crawls("timestamps of messages"))
    sent_ms = T0 + REPLAY_MS
    (back,) = decide(crawl(BASE, crawled_at_ms=sent_ms if has_crawl_time else None, sent_ms=sent_ms), at=REPLAY_MS)
    assert back.kind is Kind.REVISION
    assert back.supersedes is not None


@pytest.mark.parametrize("form", FORMS)
def test_after_both_retentions_the_articles_are_decided_afresh(decide: Decide, form: str) -> None:
    """A rewind of the whole topic ends with the newest text as the latest one."""
    articles = crawls(form)
    decide(*articles)
    oldest, middle, newest = decide(*articles, at=WINDOW_MS)
    assert oldest.type is EventType.NEW
    assert middle.supersedes is not None
    assert newest.supersedes is not None
