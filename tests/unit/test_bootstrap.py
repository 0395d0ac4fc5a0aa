import pytest
from structlog.testing import capture_logs

from reprise.bootstrap import article_processor, dedup_rule, namespace_rule
from reprise.dedup.rule import Rule
from reprise.errors import BadMessage, Fatal, Unreachable
from reprise.messages.namespaces import list_namespaces
from reprise.model import DeadLetterReason, Decision, EventType, Message, Rejection
from reprise.processing.shutdown import StopRequest
from reprise.settings import load
from reprise.startup import StoppedDuringStartup, retry_until_ready


def test_the_rule_is_that_of_the_settings() -> None:
    """A threshold of the environment is the one that decides."""
    assert dedup_rule(load({})) == Rule()
    assert dedup_rule(load({"REPRISE_RULE_NOVEL": "0.8"})) == Rule(index_below_similarity=0.8)


def a_message(value: bytes) -> Message:
    return Message(topic="raw", partition=1, offset=2, key=None, value=value)


def test_the_steps_keep_to_the_limits_and_topics_of_the_settings() -> None:
    """A limit, a topic and the namespace of the environment are found in what the steps make."""
    steps = article_processor(
        load(
            {
                "REPRISE_MAX_TEXT_CHARACTERS": "1000",
                "REPRISE_TOPIC_NEW": "n",
                "REPRISE_TOPIC_VARIANTS": "v",
                "REPRISE_TOPIC_DEAD": "d",
                "REPRISE_NAMESPACE": "fr",
            }
        )
    )
    with pytest.raises(BadMessage) as caught:
        steps.decode(a_message(b'{"text": "%s"}' % (b"x" * 1001)))
    assert caught.value.reason is DeadLetterReason.TEXT_TOO_LONG
    article = steps.decode(a_message(b'{"text": "Some text."}'))
    decision = Decision(type=EventType.NEW, story_id="s", decided_at_ms=0)
    event = steps.event(article, steps.fingerprint(article), decision, a_message(b"{}"))
    assert (event.topic, dict(event.headers)["ce_source"]) == ("n", b"urn:reprise:namespace:fr")
    for make in (steps.dead_letter, steps.dead_letter_notice):
        assert make(a_message(b"{}"), Rejection(reason=DeadLetterReason.NO_TEXT, detail="none"), 0.0).topic == "d"


def test_one_worker_keeps_languages_apart() -> None:
    """The settings' languages have a namespace each, which an article's event names, beside that of all others."""
    settings = load(
        {
            "REPRISE_NAMESPACE": "news",
            "REPRISE_NAMESPACE_BY": "lang",
            "REPRISE_NAMESPACE_VALUES": "en,fr",
        }
    )
    steps = article_processor(settings)
    assert list_namespaces(namespace_rule(settings)) == ("news", "news-en", "news-fr")
    for lang, namespace in (("fr-CA", b"news-fr"), ("de", b"news")):
        article = steps.decode(a_message(b'{"text": "Some text.", "lang": "%s"}' % lang.encode()))
        decision = Decision(type=EventType.NEW, story_id="s", decided_at_ms=0)
        event = steps.event(article, steps.fingerprint(article), decision, a_message(b"{}"))
        assert dict(event.headers)["ce_source"] == b"urn:reprise:namespace:" + namespace


def test_a_dependency_that_comes_late_is_waited_for_with_one_line() -> None:
    """The start goes on as soon as it answers, and the log has told of the wait once."""
    attempts = iter([Unreachable("no"), Unreachable("still no"), None])

    def attempt() -> str:
        error = next(attempts)
        if error is not None:
            raise error
        return "here"

    with capture_logs() as lines:
        assert retry_until_ready(attempt, "redis at r:6379", timeout_seconds=30, stop=StopRequest()) == "here"
    assert [(line["event"], line["what"], line["reason"]) for line in lines] == [("waiting", "redis at r:6379", "no")]


def away() -> None:
    raise Unreachable("no route")


def test_a_dependency_that_stays_away_ends_the_start() -> None:
    """Past the limit the error says what was waited for, how long, and why in vain."""
    with pytest.raises(Fatal, match=r"redis at r:6379: not ready within 0\.3 s: no route"):
        retry_until_ready(away, "redis at r:6379", timeout_seconds=0.3, stop=StopRequest())


def test_what_waiting_cannot_mend_ends_the_start_at_once() -> None:
    """Only Unreachable is waited for."""

    def refused() -> None:
        raise Fatal("wrong password")

    with pytest.raises(Fatal, match="wrong password"):
        retry_until_ready(refused, "redis", timeout_seconds=3600, stop=StopRequest())


def test_a_start_that_waits_can_be_stopped() -> None:
    """A request to stop ends the wait, however long it may last."""
    stop = StopRequest()
    stop.request()
    with pytest.raises(StoppedDuringStartup):
        retry_until_ready(away, "redis", timeout_seconds=3600, stop=stop)
