"""The stack itself, on the servers that this test run started."""

import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from tests.support import TopicNames


def test_kafka_keeps_and_gives_what_it_was_given(kafka_bootstrap_servers: str, topic_names: TopicNames) -> None:
    """A record that was acknowledged is read again, from a topic with the partitions that were asked for."""
    admin = KafkaAdminClient(bootstrap_servers=kafka_bootstrap_servers)
    admin.create_topics({topic_names.articles: {"num_partitions": 2, "replication_factor": 1}})
    admin.close()
    producer = KafkaProducer(bootstrap_servers=kafka_bootstrap_servers)
    producer.send(topic_names.articles, b"value", key=b"key", partition=1).get(timeout=20)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=kafka_bootstrap_servers, auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic_names.articles, 1)])
    batches = consumer.poll(timeout_ms=20_000)
    consumer.close()
    assert [(record.key, record.value) for batch in batches.values() for record in batch] == [(b"key", b"value")]


def test_redis_refuses_rather_than_evicts(redis_url: str) -> None:
    """The server runs the policy that the index depends on, and is new enough for it."""
    client = redis.Redis.from_url(redis_url)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    major, minor = (int(part) for part in client.info("server")["redis_version"].split(".")[:2])
    client.close()
    assert (major, minor) >= (6, 2)
