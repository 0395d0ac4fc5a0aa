"""Does a server answer, as a client asks it? The addresses may be anybody's."""

import redis
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

#: Milliseconds for one look at a broker; a look that fails is repeated until the caller's deadline.
_KAFKA_LOOK_MS = 2_000

#: Seconds for one look at a Redis.
_REDIS_LOOK_SECONDS = 2.0


def kafka_answers(bootstrap_servers: str) -> bool:
    """Tell whether a broker is registered and answers for its cluster."""
    try:
        client = KafkaAdminClient(
            bootstrap_servers=bootstrap_servers.split(","),
            bootstrap_timeout_ms=_KAFKA_LOOK_MS,
            request_timeout_ms=_KAFKA_LOOK_MS,
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
    """Return "Redis 7.0.15" or "Valkey 9.1.2", or None where nothing answers."""
    client = redis.Redis.from_url(
        url, socket_connect_timeout=_REDIS_LOOK_SECONDS, socket_timeout=_REDIS_LOOK_SECONDS, retry=None
    )
    try:
        told = client.info("server")
    except (redis.RedisError, OSError):
        return None
    finally:
        client.close()
    if "valkey_version" in told:  # beside a redis_version of 7.2.4, for clients that ask for that
        return f"Valkey {told['valkey_version']}"
    return f"Redis {told.get('redis_version', '')}".strip()
