"""Check whether a server answers, with a client's request."""

import redis
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

#: milliseconds for one request to a broker; callers repeat a failed check until their deadline
_KAFKA_TIMEOUT_MS = 2_000

#: seconds for one request to Redis
_REDIS_TIMEOUT_SECONDS = 2.0


def is_kafka_up(bootstrap_servers: str) -> bool:
    """Return whether a broker answers and its cluster has a registered broker."""
    try:
        client = KafkaAdminClient(
            bootstrap_servers=bootstrap_servers.split(","),
            bootstrap_timeout_ms=_KAFKA_TIMEOUT_MS,
            request_timeout_ms=_KAFKA_TIMEOUT_MS,
        )
    except (KafkaError, OSError, ValueError):
        return False
    try:
        return bool(client.describe_cluster()["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        client.close()


def redis_version(url: str) -> str | None:
    """Return product and version, such as "Redis 7.0.15" or "Valkey 9.1.2", or None if no server answers."""
    client = redis.Redis.from_url(
        url, socket_connect_timeout=_REDIS_TIMEOUT_SECONDS, socket_timeout=_REDIS_TIMEOUT_SECONDS, retry=None
    )
    try:
        info = client.info("server")
    except (redis.RedisError, OSError):
        return None
    finally:
        client.close()
    if "valkey_version" in info:  # Valkey also reports a compatible redis_version, such as 7.2.4
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info.get('redis_version', '')}".strip()
