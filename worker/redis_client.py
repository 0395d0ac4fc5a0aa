"""The Redis client, and what must hold of the server before an index is trusted to it."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import AuthenticationError, AuthorizationError
from redis.retry import Retry

from worker.errors import Fatal
from worker.redis_index.faults import REDIS_ERRORS, translate
from worker.settings.groups import RedisSettings

Client = Redis | RedisCluster

#: The one policy under which Redis forgets nothing by itself.
KEEPS_EVERYTHING: Final = "noeviction"


def connect(settings: RedisSettings) -> Client:
    """Build a client and hear from the server. Raises Unreachable, Fatal."""
    options: dict[str, Any] = {
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        # once more at once, for a connection that the server closed while it was idle; the pipeline does the waiting
        "retry": Retry(NoBackoff(), 1),
    }
    if settings.password is not None:
        options["password"] = settings.password.get_secret_value()
    url = settings.url.get_secret_value()
    try:
        client = RedisCluster.from_url(url, **options) if settings.cluster else Redis.from_url(url, **options)
        client.ping()
    except (AuthenticationError, AuthorizationError) as error:  # both are ConnectionErrors; waiting cures neither
        raise Fatal(f"redis at {location(settings)} refuses this worker: {error}") from error
    except REDIS_ERRORS as error:
        raise translate(error) from error
    return client


def location(settings: RedisSettings) -> str:
    """Say where the server is, without the user and the password of the URL."""
    parts = urlsplit(settings.url.get_secret_value())
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


def check_eviction(client: Client, settings: RedisSettings) -> None:
    """Refuse a server that would forget stories when its memory is full. Raises Fatal, Unreachable.

    INFO tells the policy also where CONFIG is forbidden, as managed services do.
    """
    if settings.allow_eviction:
        return
    for node, policy in _policies(client).items():
        if policy != KEEPS_EVERYTHING:
            raise Fatal(
                f"redis at {node or location(settings)} has maxmemory-policy {policy or 'unknown'}: it may forget "
                f"stories early. Set it to {KEEPS_EVERYTHING}, or set REPRISE_REDIS_ALLOW_EVICTION=true"
            )


def _policies(client: Client) -> Mapping[str, str | None]:
    """Ask each primary for its policy; the one server of a client without a cluster has no name here."""
    try:
        if isinstance(client, RedisCluster):
            answers: Mapping[str, Any] = client.info("memory", target_nodes=RedisCluster.PRIMARIES)
            if "maxmemory_policy" in answers:  # of one primary the client gives the answer itself
                answers = {"": answers}
        else:
            answers = {"": client.info("memory")}
    except REDIS_ERRORS as error:
        raise translate(error) from error
    return {node: answer.get("maxmemory_policy") for node, answer in answers.items()}
