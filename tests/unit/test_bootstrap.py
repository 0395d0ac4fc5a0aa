import pytest

from reprise.bootstrap import article_processor, dedup_rule, namespace_rule
from reprise.dedup.rule import Rule
from reprise.errors import BadMessage
from reprise.messages.namespaces import list_namespaces
from reprise.model import DeadLetterReason, Decision, EventType, Message, Rejection
from reprise.settings import load


def test_the_rule_has_the_values_of_the_settings() -> None:
    """A threshold of the environment is in the rule."""
    assert dedup_rule(load({})) == Rule()
    assert dedup_rule(load({"REPRISE_RULE_NOVEL": "0.8"})) == Rule(index_below_similarity=0.8)


def make_message(value: bytes) -> Message:
    return Message(topic="raw", partition=1, offset=2, key=None, value=value)


def test_the_processor_has_the_limits_and_topics_of_the_settings() -> None:
    """A limit, the topics and the namespace of the environment apply to articles, events and dead letters."""
    processor = article_processor(
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
        processor.decode(make_message(b'{"text": "%s"}' % (b"x" * 1001)))
    assert caught.value.reason is DeadLetterReason.TEXT_TOO_LONG
    article = processor.decode(make_message(b'{"text": "Some text."}'))
    decision = Decision(type=EventType.NEW, story_id="s", decided_at_ms=0)
    event = processor.event(article, processor.fingerprint(article), decision, make_message(b"{}"))
    assert (event.topic, dict(event.headers)["ce_source"]) == ("n", b"urn:reprise:namespace:fr")
    for make in (processor.dead_letter, processor.dead_letter_notice):
        assert make(make_message(b"{}"), Rejection(reason=DeadLetterReason.NO_TEXT, detail="none"), 0.0).topic == "d"


def test_each_language_has_its_namespace() -> None:
    """The languages of the settings have a namespace each. All others have the base namespace."""
    settings = load(
        {
            "REPRISE_NAMESPACE": "news",
            "REPRISE_NAMESPACE_BY": "lang",
            "REPRISE_NAMESPACE_VALUES": "en,fr",
        }
    )
    processor = article_processor(settings)
    assert list_namespaces(namespace_rule(settings)) == ("news", "news-en", "news-fr")
    for lang, namespace in (("fr-CA", b"news-fr"), ("de", b"news")):
        article = processor.decode(make_message(b'{"text": "Some text.", "lang": "%s"}' % lang.encode()))
        decision = Decision(type=EventType.NEW, story_id="s", decided_at_ms=0)
        event = processor.event(article, processor.fingerprint(article), decision, make_message(b"{}"))
        assert dict(event.headers)["ce_source"] == b"urn:reprise:namespace:" + namespace


@pytest.mark.parametrize(("value", "expected"), [("reprise", False), ("Kafka-Connect", True)])
def test_the_setting_adds_the_headers_of_kafka_connect(value: str, expected: bool) -> None:
    """To dead letters and to notices."""
    processor = article_processor(load({"REPRISE_DEAD_LETTER_HEADERS": value}))
    message = Message(topic="in", partition=0, offset=1, key=None, value=b"{}")
    rejection = Rejection(reason=DeadLetterReason.NO_TEXT, detail="neither text nor html")
    for record in (
        processor.dead_letter(message, rejection, 0.0),
        processor.dead_letter_notice(message, rejection, 0.0),
    ):
        assert any(name == "__connect.errors.exception.message" for name, _ in record.headers) == expected
