"""Topics are created and compared with their plans on a real Kafka."""

import uuid

import pytest

from reprise.errors import Fatal
from reprise.kafka.topics import TopicPlan, TopicState, check_topics, create_topics, missing_topics
from reprise.settings.groups import KafkaSettings

pytestmark = pytest.mark.stack


@pytest.fixture
def settings(kafka_bootstrap_servers: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka_bootstrap_servers, request_timeout_seconds=10.0)


def name() -> str:
    return f"t{uuid.uuid4().hex}"


def test_topics_are_created_as_planned_and_not_altered_later(settings: KafkaSettings) -> None:
    """A new topic matches its plan at once, and creating it again changes and reports nothing."""
    plans = [
        TopicPlan(name=name(), partitions=3, replication=1, retention_seconds=3600.0),
        TopicPlan(name=name(), retention_seconds=-1),
        TopicPlan(name=name()),
    ]
    names = [plan.name for plan in plans]
    assert list(missing_topics(settings, names)) == names
    assert list(check_topics(settings, plans)) == [
        TopicState(name=plan.name, created=False, differences=("does not exist",)) for plan in plans
    ]
    assert list(create_topics(settings, plans)) == [TopicState(name=plan.name, created=True) for plan in plans]
    assert list(create_topics(settings, plans)) == [TopicState(name=plan.name, created=False) for plan in plans]
    assert list(missing_topics(settings, names)) == []


def test_differences_are_reported_and_not_altered(settings: KafkaSettings) -> None:
    """Partitions, replication and retention that differ from the plan are reported, a line each, and do not change."""
    topic = name()
    create_topics(settings, [TopicPlan(name=topic, partitions=2, replication=1, retention_seconds=3600.0)])
    other = TopicPlan(name=topic, partitions=4, replication=3, retention_seconds=-1)
    expected = TopicState(
        name=topic,
        created=False,
        differences=(
            "has 2 partitions, not 4",
            "has replication 1, not 3",
            "keeps records for 3600 s, not for ever",
        ),
    )
    assert list(check_topics(settings, [other])) == [expected]
    assert list(create_topics(settings, [other])) == [expected]


def test_plan_with_more_replicas_than_brokers_is_fatal(settings: KafkaSettings) -> None:
    """The error is Fatal, because a retry cannot help, and names the topic."""
    topic = name()
    with pytest.raises(Fatal, match=topic):
        create_topics(settings, [TopicPlan(name=topic, partitions=1, replication=99)])
