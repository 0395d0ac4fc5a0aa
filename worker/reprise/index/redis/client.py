"""The Redis client, and what must hold of the server before an index is trusted to it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import NoPermissionError, NoScriptError
from redis.retry import Retry

from reprise import tls_errors
from reprise.errors import Fatal
from reprise.index.redis.errors import REDIS_ERRORS, REFUSED_INSIDE, causes, refusal_in, translate_redis_error
from reprise.index.redis.keys import meta_key, prefix
from reprise.index.redis.scripts import script
from reprise.settings.groups import RedisSettings

Client = Redis | RedisCluster

#: What a server says, in the error's text, that was asked where the slots of its cluster are and belongs to none.
_NO_CLUSTER: Final = "cluster support disabled"

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
    files = {"ssl_ca_certs": settings.ssl_cafile, "ssl_certfile": settings.ssl_certfile}
    files["ssl_keyfile"] = settings.ssl_keyfile or settings.ssl_certfile  # one file may hold both
    options |= {name: str(path) for name, path in files.items() if path is not None}
    url = settings.url.get_secret_value()
    try:
        client = RedisCluster.from_url(url, **options) if settings.cluster else Redis.from_url(url, **options)
        client.ping()
        in_cluster = not settings.cluster and _is_in_cluster(client)
    except REDIS_ERRORS as error:
        if words := _uncurable(error):
            raise Fatal(f"redis at {location(settings)}{words}") from error
        raise translate_redis_error(error) from error
    if in_cluster:  # it would answer for some namespaces, and for each until its slot is moved
        raise Fatal(f"redis at {location(settings)} belongs to a cluster: set REPRISE_REDIS_CLUSTER=true")
    return client


def _uncurable(error: Exception) -> str | None:
    """Say what is wrong where no waiting mends it. A cluster's client tells it in the causes of its own error."""
    if words := tls_errors.permanent_tls_failure(str(error)):
        return f": no TLS connection: {words}"
    if any(_NO_CLUSTER in str(cause) for cause in causes(error)):
        return " belongs to no cluster: set REPRISE_REDIS_CLUSTER=false"
    refusal = refusal_in(error)
    return f" refuses this worker: {refusal}" if refusal else None


def _is_in_cluster(client: Client) -> bool:
    try:
        return bool(client.info("cluster").get("cluster_enabled"))
    except NoPermissionError:
        return False  # check_eviction names the right that lacks


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
    for node, policy in _policies(client, settings).items():
        if policy != KEEPS_EVERYTHING:
            raise Fatal(
                f"redis at {node or location(settings)} has maxmemory-policy {policy or 'unknown'}: it may forget "
                f"stories early. Set it to {KEEPS_EVERYTHING}, or set REPRISE_REDIS_ALLOW_EVICTION=true"
            )


def check_rights(client: Client, settings: RedisSettings, namespace: str) -> None:
    """Refuse a user that may not do all that the scripts do, naming what lacks. Raises Fatal, Unreachable.

    Else a right that only some decisions need would be missed in the middle of the stream, and look like an outage.
    """
    lacking = list(_lacking(client, namespace))
    if lacking:
        raise Fatal(
            f"redis at {location(settings)}: this worker's user may not run {', '.join(lacking)} on the keys "
            f"{{{namespace}}}:*; docs/operating/security.md lists the rights that it needs"
        )


def _lacking(client: Client, namespace: str) -> Iterator[str]:
    probe, key = script("try_commands"), meta_key(namespace)
    arguments = (prefix(namespace, "probe"), *REFUSED_INSIDE)
    ways: Mapping[str, Callable[[], Any]] = {
        "EVAL": lambda: client.eval(probe.text, 1, key, *arguments),
        "SCRIPT LOAD": lambda: client.script_load(probe.text),
        "EVALSHA": lambda: client.evalsha(probe.sha, 1, key, *arguments),
    }
    inside: list[bytes] = []
    for name, run in ways.items():
        try:
            answer = run()
        except NoPermissionError:
            yield name
        except NoScriptError:
            pass  # EVAL and SCRIPT LOAD are refused, or somebody flushed the scripts: the right is there
        except REDIS_ERRORS as error:
            raise translate_redis_error(error) from error
        else:
            inside = inside or (answer if isinstance(answer, list) else [])
    yield from (each.decode() for each in inside)


def _policies(client: Client, settings: RedisSettings) -> Mapping[str, str | None]:
    """Ask each primary for its policy; the one server of a client without a cluster has no name here."""
    try:
        if isinstance(client, RedisCluster):
            answers: Mapping[str, Any] = client.info("memory", target_nodes=RedisCluster.PRIMARIES)
            if "maxmemory_policy" in answers:  # of one primary the client gives the answer itself
                answers = {"": answers}
        else:
            answers = {"": client.info("memory")}
    except NoPermissionError as error:
        raise Fatal(f"redis at {location(settings)} refuses this worker: {error}") from error
    except REDIS_ERRORS as error:
        raise translate_redis_error(error) from error
    return {node: answer.get("maxmemory_policy") for node, answer in answers.items()}
