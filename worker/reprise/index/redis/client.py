"""Connect to Redis or Valkey, and check the server's eviction policy and the user's permissions."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import NoPermissionError, NoScriptError
from redis.retry import Retry

from reprise import tls_errors
from reprise.errors import Fatal, Unreachable
from reprise.index.redis.errors import (
    REDIS_ERRORS,
    SCRIPT_PERMISSION_ERRORS,
    error_chain,
    find_refusal,
    translate_redis_error,
)
from reprise.index.redis.keys import meta_key, prefix
from reprise.index.redis.scripts import script
from reprise.settings.groups import RedisSettings

Client = Redis | RedisCluster

#: Text of the error that a server outside a cluster returns for CLUSTER commands.
_CLUSTER_DISABLED: Final = "cluster support disabled"

#: The only maxmemory-policy under which Redis evicts no keys.
NO_EVICTION_POLICY: Final = "noeviction"


def connect(settings: RedisSettings) -> Client:
    """Return a client that has received a reply to PING.

    Raises Unreachable if a later attempt may succeed. Raises Fatal if the TLS connection fails for good, if the server
    refuses the user, or if `settings.cluster` does not match the server.
    """
    options: dict[str, Any] = {
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        # One immediate retry, for a connection that the server closed while it was idle. The pipeline retries later
        # failures with a backoff.
        "retry": Retry(NoBackoff(), 1),
    }
    if settings.password is not None:
        options["password"] = settings.password.get_secret_value()
    files = {"ssl_ca_certs": settings.ssl_cafile, "ssl_certfile": settings.ssl_certfile}
    files["ssl_keyfile"] = (
        settings.ssl_keyfile or settings.ssl_certfile
    )  # one file may hold the certificate and its key
    options |= {name: str(path) for name, path in files.items() if path is not None}
    url = settings.url.get_secret_value()
    try:
        client = RedisCluster.from_url(url, **options) if settings.cluster else Redis.from_url(url, **options)
        client.ping()
        in_cluster = not settings.cluster and _is_in_cluster(client)
    except REDIS_ERRORS as error:
        if reason := _permanent_failure(error):
            raise Fatal(f"redis at {location(settings)}{reason}") from error
        translated = translate_redis_error(error)
        if isinstance(translated, Unreachable):
            translated = Unreachable(f"{translated} (REPRISE_REDIS_URL)")
        raise translated from error
    # A client of one node would work only for namespaces in the slots of that node, and only until a slot moves.
    if in_cluster:
        raise Fatal(f"redis at {location(settings)} belongs to a cluster: set REPRISE_REDIS_CLUSTER=true")
    return client


def _permanent_failure(error: Exception) -> str | None:
    """Return the reason of an error that no retry resolves, worded to follow the server's address; else None.

    The causes of the error are searched too, because RedisCluster wraps the errors of its nodes.
    """
    if reason := tls_errors.permanent_tls_failure(str(error)):
        return f": no TLS connection: {reason}"
    if any(_CLUSTER_DISABLED in str(cause) for cause in error_chain(error)):
        return " belongs to no cluster: set REPRISE_REDIS_CLUSTER=false"
    refusal = find_refusal(error)
    return f" refuses this worker: {refusal}" if refusal else None


def _is_in_cluster(client: Client) -> bool:
    """Return whether the server runs in cluster mode; False if the user may not run INFO."""
    try:
        return bool(client.info("cluster").get("cluster_enabled"))
    except NoPermissionError:
        return False  # check_eviction, which also runs INFO, reports the missing permission


def location(settings: RedisSettings) -> str:
    """Return the server's address: host and port, or the path of a Unix socket. It has no user and no password."""
    parts = urlsplit(settings.url.get_secret_value())
    return parts.path if parts.scheme == "unix" else f"{parts.hostname}:{parts.port or 6379}"


def read_server_time(client: Redis) -> float | None:
    """Return the server's time in seconds since the epoch; None if the user may not run TIME and INFO has no time.

    Raises the client's errors.
    """
    try:
        seconds, microseconds = client.time()
    except NoPermissionError:
        time_usec = client.info("server").get("server_time_usec")
        return None if time_usec is None else int(time_usec) / 1_000_000
    return int(seconds) + int(microseconds) / 1_000_000


def check_eviction(client: Client, settings: RedisSettings) -> None:
    """Raise Fatal if a primary may evict keys when its memory is full, unless the settings allow eviction.

    The policy is read with INFO, because managed services often forbid CONFIG. Raises Unreachable.
    """
    if settings.allow_eviction:
        return
    for node, policy in _eviction_policies(client, settings).items():
        if policy != NO_EVICTION_POLICY:
            raise Fatal(
                f"redis at {node or location(settings)} has maxmemory-policy {policy or 'unknown'}: it may forget "
                f"stories early. Set it to {NO_EVICTION_POLICY}, or set REPRISE_REDIS_ALLOW_EVICTION=true"
            )


def check_rights(client: Client, settings: RedisSettings, namespace: str) -> None:
    """Raise Fatal if the user may not run a command that the scripts use; the error names the missing commands.

    Without this check, a missing permission that only some decisions need would fail in the middle of the stream and
    look like an outage. Raises Unreachable.
    """
    missing = list(_missing_permissions(client, namespace))
    if missing:
        raise Fatal(
            f"redis at {location(settings)}: this worker's user may not run {', '.join(missing)} on the keys "
            f"{{{namespace}}}:*; docs/operating/security.md lists the rights that it needs"
        )


def _missing_permissions(client: Client, namespace: str) -> Iterator[str]:
    """Yield the commands that the user may not run: those that run scripts, then those inside scripts."""
    probe, key = script("try_commands"), meta_key(namespace)
    arguments = (prefix(namespace, "probe"), *SCRIPT_PERMISSION_ERRORS)
    calls: Mapping[str, Callable[[], Any]] = {
        "EVAL": lambda: client.eval(probe.text, 1, key, *arguments),
        "SCRIPT LOAD": lambda: client.script_load(probe.text),
        "EVALSHA": lambda: client.evalsha(probe.sha, 1, key, *arguments),
    }
    refused_inside: list[bytes] = []
    for name, run in calls.items():
        try:
            reply = run()
        except NoPermissionError:
            yield name
        except NoScriptError:
            # EVALSHA is permitted. The script is not loaded because EVAL and SCRIPT LOAD are refused, or because
            # another client ran SCRIPT FLUSH in between.
            pass
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error
        else:
            refused_inside = refused_inside or (reply if isinstance(reply, list) else [])
    yield from (command.decode() for command in refused_inside)


def _eviction_policies(client: Client, settings: RedisSettings) -> Mapping[str, str | None]:
    """Return the maxmemory-policy of each primary by node name; the name is "" if there is one server only."""
    try:
        if isinstance(client, RedisCluster):
            replies: Mapping[str, Any] = client.info("memory", target_nodes=RedisCluster.PRIMARIES)
            if "maxmemory_policy" in replies:  # with one primary, RedisCluster returns its reply without a node name
                replies = {"": replies}
        else:
            replies = {"": client.info("memory")}
    except NoPermissionError as error:
        raise Fatal(f"redis at {location(settings)} refuses this worker: {error}") from error
    except REDIS_ERRORS as error:
        raise translate_redis_error(error) from error
    return {node: reply.get("maxmemory_policy") for node, reply in replies.items()}
