"""The servers of this test session."""

import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from tests.support import TopicNames


def test_kafka_stores_a_record(kafka_bootstrap_servers: str, topic_names: TopicNames) -> None:
    """An acknowledged record is read again, from a topic with two partitions."""
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


def test_redis_evicts_no_keys(redis_url: str) -> None:
    """The server has the eviction policy and the version that the index needs."""
    client = redis.Redis.from_url(redis_url)
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    major, minor = (int(part) for part in client.info("server")["redis_version"].split(".")[:2])
    client.close()
    assert (major, minor) >= (6, 2)
